#include "compat.h"
#include "tap.h"
void test_rules(void) {}
