/* SPDX-License-Identifier: Apache-2.0 */
/* Names of C++ (and of Rust's older form) as people write them, where the system has the library of C++, which knows how. */
#ifndef TT_SYMBOLS_DEMANGLE_H
#define TT_SYMBOLS_DEMANGLE_H

/* The name for people, to be freed; NULL: it is none of those, or there is no such library. */
char *tt_demangle(const char *name);

#endif
