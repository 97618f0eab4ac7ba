/* SPDX-License-Identifier: MIT */
#include "lib/format.h"
#include "lib/string.h"

struct sink {
	char *buffer;
	size_t size;
	size_t length; /* of the whole text, written or not */
};

struct spec {
	bool left, zero, alternate;
	int width, precision; /* precision -1: not given */
	bool is_long;         /* l, ll or z */
};

static void format_put(struct sink *sink, char c)
{
	if (sink->length + 1 < sink->size)
		sink->buffer[sink->length] = c;
	sink->length++;
}

static void format_put_padded(struct sink *sink, const struct spec *spec, const char *prefix,
                              const char *text, size_t length, size_t zeros)
{
	size_t prefix_length = strlen(prefix);
	size_t total = prefix_length + zeros + length;
	size_t pad = spec->width > 0 && (size_t)spec->width > total ? (size_t)spec->width - total : 0;

	if (!spec->left)
		for (size_t i = 0; i < pad; i++)
			format_put(sink, ' ');
	for (size_t i = 0; i < prefix_length; i++)
		format_put(sink, prefix[i]);
	for (size_t i = 0; i < zeros; i++)
		format_put(sink, '0');
	for (size_t i = 0; i < length; i++)
		format_put(sink, text[i]);
	if (spec->left)
		for (size_t i = 0; i < pad; i++)
			format_put(sink, ' ');
}

static void format_put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base,
                              bool upper, const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	size_t at = sizeof(text), zeros = 0, length, minimum;

	for (uint64_t rest = value; rest || (at == sizeof(text) && spec->precision); rest /= base)
		text[--at] = digits[rest % base];
	length = sizeof(text) - at;
	if (spec->precision >= 0)
		minimum = (size_t)spec->precision;
	else if (spec->zero && !spec->left && spec->width > (int)strlen(prefix))
		minimum = (size_t)spec->width - strlen(prefix);
	else
		minimum = 0;
	if (minimum > length)
		zeros = minimum - length;
	format_put_padded(sink, spec, prefix, text + at, length, zeros);
}

static int format_number_or_star(const char **at, va_list *args)
{
	int n = 0;

	if (**at == '*') {
		(*at)++;
		return va_arg(*args, int);
	}
	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (n < 100000)
			n = n * 10 + (**at - '0');
	return n;
}

static const char *format_parse_spec(const char *at, struct spec *spec, va_list *args)
{
	*spec = (struct spec){.precision = -1};
	for (;; at++) {
		if (*at == '-')
			spec->left = true;
		else if (*at == '0')
			spec->zero = true;
		else if (*at == '#')
			spec->alternate = true;
		else
			break;
	}
	spec->width = format_number_or_star(&at, args);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*at == '.') {
		at++;
		spec->precision = format_number_or_star(&at, args);
	}
	for (; *at == 'l' || *at == 'z'; at++)
		spec->is_long = true;
	return at;
}

static uint64_t format_unsigned_argument(const struct spec *spec, va_list *args)
{
	return spec->is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned);
}

static void format_put_string(struct sink *sink, const struct spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	format_put_padded(sink, spec, "", s,
	                  spec->precision >= 0 ? strnlen(s, (size_t)spec->precision) : strlen(s), 0);
}

static void format_convert(struct sink *sink, struct spec *spec, char conversion, va_list *args)
{
	int64_t value;
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		value = spec->is_long ? va_arg(*args, long) : va_arg(*args, int);
		format_put_number(sink, spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, false,
		                  value < 0 ? "-" : "");
		break;
	case 'u': format_put_number(sink, spec, format_unsigned_argument(spec, args), 10, false, ""); break;
	case 'x':
	case 'X':
		format_put_number(sink, spec, format_unsigned_argument(spec, args), 16, conversion == 'X',
		                  spec->alternate ? "0x" : "");
		break;
	case 'p': format_put_number(sink, spec, (uintptr_t)va_arg(*args, void *), 16, false, "0x"); break;
	case 's': format_put_string(sink, spec, va_arg(*args, const char *)); break;
	case 'c':
		c = (char)va_arg(*args, int);
		format_put_padded(sink, spec, "", &c, 1, 0);
		break;
	default: format_put(sink, conversion); break;
	}
}

int format_buffer_va(char *buffer, size_t size, const char *format, va_list args)
{
	struct sink sink = {buffer, size, 0};
	struct spec spec;
	va_list copy;

	va_copy(copy, args);
	for (; *format; format++) {
		if (*format != '%') {
			format_put(&sink, *format);
			continue;
		}
		format = format_parse_spec(format + 1, &spec, &copy);
		if (!*format)
			break;
		format_convert(&sink, &spec, *format, &copy);
	}
	va_end(copy);
	if (size)
		buffer[MIN(sink.length, size - 1)] = '\0';
	return (int)sink.length;
}

int format_buffer(char *buffer, size_t size, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = format_buffer_va(buffer, size, format, args);
	va_end(args);
	return length;
}
