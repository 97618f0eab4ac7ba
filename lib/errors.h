/* SPDX-License-Identifier: MIT */
/*
 * Error codes. Functions that can fail return 0 (or a count) for success and
 * a negative code otherwise, as in `return -ERR_NO_MEMORY`.
 */
#ifndef LIB_ERRORS_H
#define LIB_ERRORS_H

enum error {
	ERR_INVALID = 1,  /* an argument or input breaks its format or range */
	ERR_NO_MEMORY,    /* no frame, or no room in a fixed table */
	ERR_NOT_FOUND,    /* the thing that was named does not exist */
	ERR_EXISTS,       /* something already occupies the place */
	ERR_TRUNCATED,    /* the input ends before what it promises */
	ERR_UNSUPPORTED,  /* valid, but this machine or version cannot do it */
	ERR_OUT_OF_RANGE, /* an address or a size lies outside its space */
	ERR_BUSY,         /* not now: try again later */
};

#endif
