// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "server/fleet/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "server/fleet/atomic_file.h"
#include "tests/support/process.h"

namespace percpud::fleet {
namespace {

using ::testing::HasSubstr;

class CertificateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Make("own");
    Make("other");
  }
  // A certificate that signs itself, and its key.
  void Make(const std::string& name) {
    Run({"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name, "-days", "1", "-out",
         Path(name + ".pem"), "-keyout", Path(name + ".key")});
  }
  static void Run(const std::vector<std::string>& argv) {
    const auto ran = percpud::testing::RunToEnd(argv);
    ASSERT_TRUE(ran.ok()) << ran.status();
    ASSERT_EQ(ran->exit_code, 0) << ran->err;
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  void Replace(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteAtomically(Path(name), content, 0600).ok());
  }
  [[nodiscard]] CertificateFiles Files() const {
    return {.ca = Path("own.pem"), .certificate = Path("own.pem"), .key = Path("own.key")};
  }
  [[nodiscard]] std::string Refusal(const CertificateFiles& files) const {
    const auto loaded = LoadCertificate(files);
    return loaded.ok() ? "none" : std::string(loaded.status().message());
  }

  percpud::testing::TempDir dir_;
};

TEST_F(CertificateTest, ReadsWhatIsGood) {
  const auto loaded = LoadCertificate(Files());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(loaded->key, HasSubstr("PRIVATE KEY"));
  EXPECT_TRUE(LoadCertificate({}).ok());
}

TEST_F(CertificateTest, AMissingFileIsNamed) {
  CertificateFiles files = Files();
  files.key = Path("none.key");
  EXPECT_THAT(Refusal(files), HasSubstr("none.key"));
}

TEST_F(CertificateTest, AFileThatIsEmptyOrCutAnywhereIsRefused) {
  for (const std::string name : {"own.pem", "own.key"}) {
    const std::string whole = *ReadWhole(Path(name));
    const std::size_t end = whole.rfind("-----END");
    for (std::size_t size = 0; size < end; size += 7) {
      Replace(name, whole.substr(0, size));
      EXPECT_THAT(Refusal(Files()), HasSubstr(name)) << size;
    }
    Replace(name, whole);
  }
}

TEST_F(CertificateTest, AChainThatIsCutShortIsRefused) {
  const std::string own = *ReadWhole(Path("own.pem"));
  const std::string other = *ReadWhole(Path("other.pem"));
  Replace("own.pem", own + other);
  EXPECT_EQ(Refusal(Files()), "none");
  Replace("own.pem", own + other.substr(0, other.size() / 2));
  EXPECT_THAT(Refusal(Files()), HasSubstr("cut short"));
}

TEST_F(CertificateTest, AKeyOfAnotherCertificateIsRefused) {
  CertificateFiles files = Files();
  files.key = Path("other.key");
  EXPECT_THAT(Refusal(files), HasSubstr("another certificate"));
}

TEST_F(CertificateTest, APipeHoldsNobodyUp) {
  CertificateFiles files = Files();
  files.key = Path("pipe");
  ASSERT_EQ(mkfifo(files.key.c_str(), 0600), 0);
  EXPECT_THAT(Refusal(files), HasSubstr("pipe: is no regular file"));
}

TEST_F(CertificateTest, AKeyWithAPassphraseIsRefusedAndNobodyAsked) {
  Run({"/usr/bin/openssl", "pkey", "-in", Path("own.key"), "-aes256", "-passout", "pass:secret",
       "-out", Path("locked.key")});
  CertificateFiles files = Files();
  files.key = Path("locked.key");
  EXPECT_THAT(Refusal(files), HasSubstr("passphrase"));
}

TEST_F(CertificateTest, ACertificateWhoseTimeIsOverIsRefused) {
  Run({"/usr/bin/openssl", "x509", "-in", Path("own.pem"), "-days", "-1", "-signkey",
       Path("own.key"), "-out", Path("old.pem")});
  CertificateFiles files = Files();
  files.certificate = Path("old.pem");
  EXPECT_THAT(Refusal(files), HasSubstr("expired"));
}

}  // namespace
}  // namespace percpud::fleet
