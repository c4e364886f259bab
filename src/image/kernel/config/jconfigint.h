/* What CMake would write for this target, for the library's own files. */
#define BUILD "pixlake"
#define HIDDEN
#undef inline
#define INLINE __attribute__((always_inline)) inline
#define THREAD_LOCAL
#define PACKAGE_NAME "libjpeg-turbo"
#define VERSION "3.1.0"
#define SIZEOF_SIZE_T 4
#define HAVE_BUILTIN_CTZL
#define FALLTHROUGH __attribute__((fallthrough));
#ifndef BITS_IN_JSAMPLE
#define BITS_IN_JSAMPLE 8
#endif
#define WITH_SIMD 1
