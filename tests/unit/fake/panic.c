/* SPDX-License-Identifier: MIT */
/* In a host test a panic is a failed test, or an expected one: expect_assert_failure(). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "lib/panic.h"

void panic(const char *format, ...)
{
	static char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mock_assert(0, text, __FILE__, __LINE__);
	__builtin_trap();
}
