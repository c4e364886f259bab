/* Names that the library's files want; pixlake prints neither. */
#define JVERSION "6b"
#define JCOPYRIGHT "see LICENSE.md"
#define JCOPYRIGHT_SHORT JCOPYRIGHT
