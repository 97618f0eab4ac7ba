/* SPDX-License-Identifier: MIT */
/* lib/format.c against the C library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/format.h"

#define SAME(...)                                                                                            \
	do {                                                                                                 \
		char ours[100], theirs[100];                                                                 \
		int length = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                  \
		assert_int_equal(format_buffer(ours, sizeof(ours), __VA_ARGS__), length);                    \
		assert_string_equal(ours, theirs);                                                           \
	} while (0)

static void numbers(void **state)
{
	(void)state;
	SAME("%d %i %u", -7, 0, 4000000000u);
	SAME("%ld %lu %lld %llu", INT64_MIN, UINT64_MAX, -1LL, 1ULL);
	SAME("%zu %p", (size_t)12345678901, (void *)0x1234);
	SAME("%x %X %#x %lx %#lx", 0xabcu, 0xabcu, 0xabcu, 0xfedcba9876543210, 0x10000000000);
	SAME("[%5d] [%-5d] [%05d]", -42, -42, -42);
	SAME("[%016lx] [%#10x] [%#010x] [%2x]", 0x1fUL, 0x1fu, 0x1fu, 0x12345u);
	SAME("[%.3d] [%8.3u] [%.0u] [%*d] [%-*d] [%*d]", 5, 5u, 0u, 6, 5, 6, 5, -6, 5);
}

static void texts(void **state)
{
	(void)state;
	SAME("%s|%10s|%-10s|%.2s|%.*s|%*.1s", "abc", "abc", "abc", "abc", 1, "abc", 4, "abc");
	SAME("%c%c %% %3c", 'o', 'k', 'x');
	SAME("%.3s", (const char[]){'a', 'b', 'c'}); /* without an end */
}

static void what_does_not_fit_is_counted(void **state)
{
	char text[5] = "????";

	(void)state;
	assert_int_equal(format_buffer(text, sizeof(text), "%d", 123456), 6);
	assert_string_equal(text, "1234");
	assert_int_equal(format_buffer(text, 1, "%s", "ab"), 2);
	assert_string_equal(text, "");
	assert_int_equal(format_buffer(NULL, 0, "%s", "ab"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(what_does_not_fit_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
