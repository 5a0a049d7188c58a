// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/pki.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/process.h"
#include "tests/support/text_file.h"

namespace percpud::testing {
namespace {

void Append(std::vector<std::string>& argv, const std::vector<std::string>& more) {
  argv.insert(argv.end(), more.begin(), more.end());
}

void RunOpenssl(std::vector<std::string> argv) {
  argv.insert(argv.begin(), "/usr/bin/openssl");
  const auto ran = RunToEnd(argv);
  if (ran.ok() && ran->exit_code == 0) return;
  throw std::runtime_error(
      absl::StrCat(absl::StrJoin(argv, " "), ": ", ran.ok() ? ran->err : ran.status().ToString()));
}

}  // namespace

std::string Pki::Authority(const std::string& name) {
  std::vector<std::string> argv{"req", "-x509", "-days", "30"};
  Append(argv, NewKey(name));
  Append(argv,
         {"-out", Path(name) + ".pem", "-subj", "/CN=" + name, "-addext",
          "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign"});
  RunOpenssl(argv);
  return Path(name);
}

PemFiles Pki::Issue(const std::string& authority, const std::string& name, const Wish& wish) {
  const std::string path = Path(name);
  std::vector<std::string> request{"req", "-new"};
  Append(request, NewKey(name));
  Append(request, {"-out", path + ".csr", "-subj", "/CN=" + name});
  RunOpenssl(request);
  std::string extensions =
      wish.is_authority
          ? "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
          : absl::StrCat("basicConstraints=CA:false\nextendedKeyUsage=", wish.usage, "\n");
  if (!wish.names.empty()) absl::StrAppend(&extensions, "subjectAltName=", wish.names, "\n");
  WriteText(path + ".ext", extensions);
  RunOpenssl({"x509", "-req", "-in", path + ".csr", "-CA", authority + ".pem", "-CAkey",
              authority + ".key", "-CAcreateserial", "-days", absl::StrCat(wish.days), "-extfile",
              path + ".ext", "-out", path + ".pem"});
  return {.certificate = path + ".pem", .key = path + ".key", .ca = authority + ".pem"};
}

PemFiles Pki::Shorten(const std::string& authority, const PemFiles& files, absl::Time end) {
  const std::string base = Prepare(authority);
  const std::string path = files.certificate + ".short";
  const std::string stem = files.certificate.substr(0, files.certificate.size() - 4);
  RunOpenssl({"ca", "-batch", "-notext", "-config", base + ".conf", "-in", stem + ".csr",
              "-extfile", stem + ".ext", "-out", path, "-enddate",
              absl::FormatTime("%y%m%d%H%M%SZ", end, absl::UTCTimeZone())});
  return {.certificate = path, .key = files.key, .ca = files.ca};
}

void Pki::Revoke(const std::string& authority, const std::vector<PemFiles>& revoked,
                 const std::string& out) {
  const std::string base = Prepare(authority);
  for (const PemFiles& each : revoked) {
    RunOpenssl({"ca", "-config", base + ".conf", "-revoke", each.certificate});
  }
  RunOpenssl({"ca", "-config", base + ".conf", "-gencrl", "-out", out});
}

std::string Pki::Prepare(const std::string& authority) {
  std::string base = authority + ".ca";
  WriteText(base + ".index", "");
  WriteText(base + ".conf",
            absl::StrCat("[ca]\ndefault_ca=own\n[own]\ndatabase=", base,
                         ".index\ndefault_md=sha256\ndefault_crl_days=5\nrand_serial=yes\n"
                         "new_certs_dir=",
                         directory_, "\npolicy=any\ncertificate=", authority,
                         ".pem\nprivate_key=", authority, ".key\n[any]\ncommonName=supplied\n"));
  return base;
}

std::string Pki::Path(const std::string& name) const { return absl::StrCat(directory_, "/", name); }

std::vector<std::string> Pki::NewKey(const std::string& name) const {
  return {"-newkey", "ec",      "-pkeyopt",         "ec_paramgen_curve:P-256",
          "-nodes",  "-keyout", Path(name) + ".key"};
}

}  // namespace percpud::testing
