// Copyright 2026 The percpud Authors
// SPDX-License-Identifier: Apache-2.0
//
// The class Percpud\Store: what a storage of promphp has to do, but for its interface,
// which PHP code declares (Percpud/Storage.php).

#include "client/php/src/module.h"

#include <Zend/zend_exceptions.h>
#include <ext/spl/spl_exceptions.h>

#include "client/php/src/collect.h"
#include "client/php/src/fields.h"
#include "client/php/src/handles.h"
#include "client/php/src/link.h"
#include "client/php/src/series.h"

// Prometheus\Storage\Adapter::COMMAND_SET.
enum { kCommandSet = 3 };

typedef struct {
  Link* link;
  zend_object object;
} Store;

static zend_object_handlers g_handlers;

static zend_object* MakeStore(zend_class_entry* class) {
  Store* const store = zend_object_alloc(sizeof(Store), class);
  store->link = NULL;
  zend_object_std_init(&store->object, class);
  object_properties_init(&store->object, class);
  store->object.handlers = &g_handlers;
  return &store->object;
}

static inline Store* StoreOf(zend_object* object) {
  return (Store*)((char*)object - XtOffsetOf(Store, object));
}

// A subclass may have a constructor of its own.
static inline Link* LinkOf(zval* self) {
  Store* const store = StoreOf(Z_OBJ_P(self));
  if (store->link == NULL) store->link = FindLink(NULL, NULL);
  return store->link;
}

static PHP_METHOD(Store, __construct) {
  char* name_space = NULL;
  char* address = NULL;
  size_t bytes = 0;
  ZEND_PARSE_PARAMETERS_START(0, 2)
  Z_PARAM_OPTIONAL
  Z_PARAM_STRING_OR_NULL(name_space, bytes)
  Z_PARAM_STRING_OR_NULL(address, bytes)
  ZEND_PARSE_PARAMETERS_END();
  StoreOf(Z_OBJ_P(ZEND_THIS))->link = FindLink(name_space, address);
}

// Reads the one argument of an update, and finds the series that it is about. NULL: there is
// nothing to do.
static inline const Handle* Begin(INTERNAL_FUNCTION_PARAMETERS, percpud_type type, Link** link,
                                  HashTable** data) {
  (void)return_value;
  ZEND_PARSE_PARAMETERS_START(1, 1)
  Z_PARAM_ARRAY_HT(*data)
  ZEND_PARSE_PARAMETERS_END_EX(return NULL);
  *link = LinkOf(ZEND_THIS);
  return FindHandle(*link, type, *data);
}

static inline void Done(Link* link, const Handle* handle) {
  PollSometimes(link, percpud_series_is_shared(handle->series));
}

static int IsSet(const HashTable* data) { return FindNumber(data, kCommand) == kCommandSet; }

static PHP_METHOD(Store, updateCounter) {
  Link* link = NULL;
  HashTable* data = NULL;
  const Handle* const handle =
      Begin(INTERNAL_FUNCTION_PARAM_PASSTHRU, PERCPUD_COUNTER, &link, &data);
  if (handle == NULL) return;
  if (IsSet(data)) {
    ResetSeries(link, PERCPUD_COUNTER, data);
  } else {
    percpud_number_add(handle->number, FindNumber(data, kValue));
  }
  Done(link, handle);
}

static PHP_METHOD(Store, updateGauge) {
  Link* link = NULL;
  HashTable* data = NULL;
  const Handle* const handle = Begin(INTERNAL_FUNCTION_PARAM_PASSTHRU, PERCPUD_GAUGE, &link, &data);
  if (handle == NULL) return;
  const double value = FindNumber(data, kValue);
  if (IsSet(data)) {
    percpud_set(handle->series, value);
  } else {
    percpud_add(handle->series, value);
  }
  Done(link, handle);
}

static inline void Observe(INTERNAL_FUNCTION_PARAMETERS, percpud_type type) {
  Link* link = NULL;
  HashTable* data = NULL;
  const Handle* const handle = Begin(INTERNAL_FUNCTION_PARAM_PASSTHRU, type, &link, &data);
  if (handle == NULL) return;
  percpud_histogram_observe(handle->histogram, FindNumber(data, kValue));
  Done(link, handle);
}

static PHP_METHOD(Store, updateHistogram) {
  Observe(INTERNAL_FUNCTION_PARAM_PASSTHRU, PERCPUD_HISTOGRAM);
}

static PHP_METHOD(Store, updateSummary) {
  Observe(INTERNAL_FUNCTION_PARAM_PASSTHRU, PERCPUD_SUMMARY);
}

static PHP_METHOD(Store, families) {
  bool sorted = true;
  ZEND_PARSE_PARAMETERS_START(0, 1)
  Z_PARAM_OPTIONAL
  Z_PARAM_BOOL(sorted)
  ZEND_PARSE_PARAMETERS_END();
  percpud_collection* const all = percpud_collect_begin(ClientOf(LinkOf(ZEND_THIS)), NULL, kWaitMs);
  array_init(return_value);
  if (all == NULL) return;
  AddFamilies(return_value, all, sorted);
  percpud_collection_end(all);
}

static void ThrowReason(Link* link) {
  char reason[512] = "";
  percpud_reason(ClientOf(link), reason, sizeof(reason));
  zend_throw_exception(spl_ce_RuntimeException,
                       reason[0] == '\0' ? "percpud does not answer" : reason, 0);
}

static PHP_METHOD(Store, render) {
  bool open_metrics = false;
  ZEND_PARSE_PARAMETERS_START(0, 1)
  Z_PARAM_OPTIONAL
  Z_PARAM_BOOL(open_metrics)
  ZEND_PARSE_PARAMETERS_END();
  Link* const link = LinkOf(ZEND_THIS);
  size_t bytes = 0;
  char* const text = percpud_render(
      ClientOf(link), open_metrics ? PERCPUD_OPENMETRICS : PERCPUD_TEXT, kWaitMs, &bytes);
  if (text == NULL) {
    ThrowReason(link);
    return;
  }
  RETVAL_STRINGL(text, bytes);
  percpud_free(text);
}

static PHP_METHOD(Store, wipe) {
  ZEND_PARSE_PARAMETERS_NONE();
  Link* const link = LinkOf(ZEND_THIS);
  if (Wipe(link) != 0) ThrowReason(link);
}

static PHP_METHOD(Store, isAttached) {
  ZEND_PARSE_PARAMETERS_NONE();
  RETURN_BOOL(percpud_is_attached(ClientOf(LinkOf(ZEND_THIS))));
}

ZEND_BEGIN_ARG_INFO_EX(construct_arguments, 0, 0, 0)
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, namespace, IS_STRING, 1, "null")
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, address, IS_STRING, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(update_arguments, 0, 1, IS_VOID, 0)
ZEND_ARG_TYPE_INFO(0, data, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(families_arguments, 0, 0, IS_ARRAY, 0)
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, sorted, _IS_BOOL, 0, "true")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(render_arguments, 0, 0, IS_STRING, 0)
ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, openMetrics, _IS_BOOL, 0, "false")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(wipe_arguments, 0, 0, IS_VOID, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(attached_arguments, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

static const zend_function_entry kMethods[] = {
    PHP_ME(Store, __construct, construct_arguments, ZEND_ACC_PUBLIC)
        PHP_ME(Store, updateCounter, update_arguments, ZEND_ACC_PUBLIC)
            PHP_ME(Store, updateGauge, update_arguments, ZEND_ACC_PUBLIC)
                PHP_ME(Store, updateHistogram, update_arguments, ZEND_ACC_PUBLIC)
                    PHP_ME(Store, updateSummary, update_arguments, ZEND_ACC_PUBLIC)
                        PHP_ME(Store, families, families_arguments, ZEND_ACC_PUBLIC)
                            PHP_ME(Store, render, render_arguments, ZEND_ACC_PUBLIC)
                                PHP_ME(Store, wipe, wipe_arguments, ZEND_ACC_PUBLIC)
                                    PHP_ME(Store, isAttached, attached_arguments, ZEND_ACC_PUBLIC)
                                        PHP_FE_END};

void RegisterStore(void) {
  zend_class_entry description;
  INIT_NS_CLASS_ENTRY(description, "Percpud", "Store", kMethods);
  zend_class_entry* const class = zend_register_internal_class(&description);
  class->create_object = &MakeStore;
  class->ce_flags |= ZEND_ACC_NOT_SERIALIZABLE;
  g_handlers = *zend_get_std_object_handlers();
  g_handlers.offset = XtOffsetOf(Store, object);
  g_handlers.clone_obj = NULL;
}
