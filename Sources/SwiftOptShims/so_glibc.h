/* so_glibc.h - names for symbols as glibc 2.17 knew them.
 *
 * Newer versions of glibc gave these functions new versions when they moved from
 * libpthread into libc; an extension linked there would not load on older systems.
 * Only the shipped build asks for the old ones: sanitizers replace the new ones.
 */
#ifndef SO_GLIBC_H
#define SO_GLIBC_H

#if defined(SWIFTOPT_OLD_GLIBC) && defined(__x86_64__)
__asm__(".symver pthread_create, pthread_create@GLIBC_2.2.5");
__asm__(".symver pthread_sigmask, pthread_sigmask@GLIBC_2.2.5");
#endif

#endif /* SO_GLIBC_H */
