/* SPDX-License-Identifier: MIT */
/* How much the monitor's log says; the config table and the shell name these, too. */
#ifndef LIB_LOG_LEVEL_H
#define LIB_LOG_LEVEL_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#endif
