// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0

#include "client/php/src/module.h"

#include <php_ini.h>
#include <ext/standard/info.h>

#include "client/php/src/fields.h"
#include "client/php/src/inherit.h"
#include "client/php/src/link.h"

ZEND_DECLARE_MODULE_GLOBALS(percpud)

PHP_INI_BEGIN()
PHP_INI_ENTRY("percpud.namespace", "", PHP_INI_ALL, NULL)
PHP_INI_ENTRY("percpud.address", "", PHP_INI_ALL, NULL)
PHP_INI_END()

static PHP_GINIT_FUNCTION(percpud) {
#if defined(ZTS)
  ZEND_TSRMLS_CACHE_UPDATE();
#endif
  percpud_globals->links = NULL;
}

static PHP_GSHUTDOWN_FUNCTION(percpud) { EndLinks(&percpud_globals->links); }

static PHP_MINIT_FUNCTION(percpud) {
  REGISTER_INI_ENTRIES();
  InternFields();
  RegisterStore();
  InheritByForks();
  return SUCCESS;
}

static PHP_MSHUTDOWN_FUNCTION(percpud) {
  UNREGISTER_INI_ENTRIES();
  return SUCCESS;
}

// A request begins with what has become of the namespaces since the last one.
static PHP_RINIT_FUNCTION(percpud) {
#if defined(ZTS)
  ZEND_TSRMLS_CACHE_UPDATE();
#endif
  ServeRequests();
  for (Link* link = PERCPUD_G(links); link != NULL; link = link->next) NoticeWipe(link);
  return SUCCESS;
}

// A worker that waits for its next request has nothing left to move.
static PHP_RSHUTDOWN_FUNCTION(percpud) {
  for (Link* link = PERCPUD_G(links); link != NULL; link = link->next) PollIfDue(link);
  return SUCCESS;
}

static PHP_MINFO_FUNCTION(percpud) {
  php_info_print_table_start();
  php_info_print_table_row(2, "percpud support", "enabled");
  php_info_print_table_row(2, "extension", PERCPUD_PHP_VERSION);
  php_info_print_table_row(2, "libpercpud", percpud_version());
  php_info_print_table_end();
  DISPLAY_INI_ENTRIES();
}

zend_module_entry percpud_module_entry = {
    STANDARD_MODULE_HEADER,
    "percpud",
    NULL,
    PHP_MINIT(percpud),
    PHP_MSHUTDOWN(percpud),
    PHP_RINIT(percpud),
    PHP_RSHUTDOWN(percpud),
    PHP_MINFO(percpud),
    PERCPUD_PHP_VERSION,
    PHP_MODULE_GLOBALS(percpud),
    PHP_GINIT(percpud),
    PHP_GSHUTDOWN(percpud),
    NULL,
    STANDARD_MODULE_PROPERTIES_EX,
};

#if defined(ZTS)
ZEND_TSRMLS_CACHE_DEFINE()
#endif
ZEND_GET_MODULE(percpud)
