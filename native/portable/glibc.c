// Makes a binary that is built against a newer glibc run on 2.28, the oldest that Node's own binaries run on.
// The functions that the linker would bind to versions newer than that are defined here, for this binary
// alone: most hand on to the first version of themselves, which every glibc still has. Only prebuilt binaries
// have this file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#if defined(__x86_64__)
#define FIRST_VERSION "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FIRST_VERSION "GLIBC_2.17"
#endif

#define FIRST(name) __asm__(".symver first_" #name "," #name "@" FIRST_VERSION)

// 2.29: the five of libm that no longer set errno by _LIB_VERSION.
double first_exp(double);
double first_exp2(double);
double first_log(double);
double first_log2(double);
double first_pow(double, double);
FIRST(exp);
FIRST(exp2);
FIRST(log);
FIRST(log2);
FIRST(pow);
double exp(double x) { return first_exp(x); }
double exp2(double x) { return first_exp2(x); }
double log(double x) { return first_log(x); }
double log2(double x) { return first_log2(x); }
double pow(double x, double y) { return first_pow(x, y); }

// 2.34: libpthread became part of libc.
int first_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int first_pthread_detach(pthread_t);
int first_pthread_join(pthread_t, void**);
int first_pthread_mutex_trylock(pthread_mutex_t*);
int first_pthread_once(pthread_once_t*, void (*)(void));
int first___pthread_key_create(pthread_key_t*, void (*)(void*));
FIRST(pthread_create);
FIRST(pthread_detach);
FIRST(pthread_join);
FIRST(pthread_mutex_trylock);
FIRST(pthread_once);
FIRST(__pthread_key_create);
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  return first_pthread_create(thread, attributes, run, argument);
}
int pthread_detach(pthread_t thread) { return first_pthread_detach(thread); }
int pthread_join(pthread_t thread, void** result) { return first_pthread_join(thread, result); }
int pthread_mutex_trylock(pthread_mutex_t* mutex) { return first_pthread_mutex_trylock(mutex); }
int pthread_once(pthread_once_t* once, void (*run)(void)) { return first_pthread_once(once, run); }
int __pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) {
  return first___pthread_key_create(key, destroy);
}

// 2.34 too: libdl, by which CUDA's driver is opened.
void* first_dlopen(const char*, int);
void* first_dlsym(void*, const char*);
char* first_dlerror(void);
FIRST(dlopen);
FIRST(dlsym);
FIRST(dlerror);
void* dlopen(const char* path, int mode) { return first_dlopen(path, mode); }
void* dlsym(void* library, const char* name) { return first_dlsym(library, name); }
char* dlerror(void) { return first_dlerror(); }

// 2.32: lets libstdc++ count references without atomics while there is one thread. Here there never is.
char __libc_single_threaded = 0;

// 2.35: how libgcc finds the unwinding table of the code that throws. As libgcc did before there was this
// function.
struct search {
  ElfW(Addr) address;
  struct dl_find_object* found;
};

static int find_in_module(struct dl_phdr_info* module, size_t size, void* data) {
  (void)size;
  struct search* const search = data;
  const ElfW(Phdr)* code = NULL;
  const ElfW(Phdr)* table = NULL;
  for (ElfW(Half) i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)* const segment = &module->dlpi_phdr[i];
    const ElfW(Addr) start = module->dlpi_addr + segment->p_vaddr;
    if (segment->p_type == PT_GNU_EH_FRAME) table = segment;
    if (segment->p_type == PT_LOAD && search->address - start < segment->p_memsz) code = segment;
  }
  if (code == NULL || table == NULL) return 0;
  search->found->dlfo_map_start = (void*)(module->dlpi_addr + code->p_vaddr);
  search->found->dlfo_map_end = (void*)(module->dlpi_addr + code->p_vaddr + code->p_memsz);
  search->found->dlfo_eh_frame = (void*)(module->dlpi_addr + table->p_vaddr);
  return 1;
}

int _dl_find_object(void* address, struct dl_find_object* found) {
  struct search search = {(ElfW(Addr))address, found};
  return dl_iterate_phdr(find_in_module, &search) == 1 ? 0 : -1;
}
