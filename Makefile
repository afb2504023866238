# Makefile of libadamw.
#
#   make                build/libadamw.a and build/libadamw.so; needs a C compiler and make, installs nothing
#   make test           every test; installs what the tests need (SETUP=no only names it)
#   make bench          the throughput of this machine; installs likewise
#   make train          trains two networks with the library; installs likewise
#   make install        header, libraries and adamw.pc below $(DESTDIR)$(PREFIX); make uninstall takes them away
#   make clean          removes build/
#   make help           every target
#
# Variables, on the command line or in the environment:
#
#   CC, CFLAGS, LDFLAGS as ever; the flags that keep the bits come after yours
#   TEAM=openmp         the library's threads are OpenMP's; TEAM=none: each call has one (default: threads, its own,
#                       where $(CC) links -pthread)
#   OPENMP=no           builds benchmarks and tests without OpenMP (default: yes where $(CC) links it)
#   WERROR=yes          makes warnings errors
#   V=1                 shows the commands
#   PREFIX, DESTDIR     where to install (default /usr/local)
#
# The rules for tests, benchmarks and tools stand in their folders' rules.mk. Everything that is made lies in build/.

CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif
CXX ?= c++
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
V ?= 0
WERROR ?= no
BUILD ?= build

ifeq ($(V),0)
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)'
else
Q :=
say = @:
endif

# The compiler may know -fopenmp and still lack the library (clang without libomp): ask for a linked program.
ifndef OPENMP
OPENMP := $(shell printf '\043include <omp.h>\nint main(void){return omp_get_max_threads()<1;}' | \
    $(CC) -fopenmp -x c - -o /dev/null 2>/dev/null && echo yes || echo no)
endif
ifeq ($(OPENMP),yes)
OPENMP_FLAGS := -fopenmp
else ifneq ($(OPENMP),no)
$(error OPENMP is '$(OPENMP)': it must be yes or no)
endif

# The engine behind `threads` (kernels/run/team.h).
ifndef TEAM
TEAM := $(shell printf '\043include <pthread.h>\nint main(void){return pthread_atfork(0,0,0);}' | \
    $(CC) -pthread -x c - -o /dev/null 2>/dev/null && echo threads || echo none)
endif
ifeq ($(TEAM),threads)
TEAM_FLAGS := -pthread
else ifeq ($(TEAM),openmp)
ifneq ($(OPENMP),yes)
$(error TEAM=openmp needs OpenMP, which $(CC) does not link or OPENMP=no takes away)
endif
# The runtime's threads stay when the library is unloaded, and so its code has to (nodelete).
TEAM_FLAGS := $(OPENMP_FLAGS) -DADAMW_TEAM_OPENMP
TEAM_LDFLAGS := -Wl,-z,nodelete
else ifeq ($(TEAM),none)
TEAM_FLAGS := -DADAMW_TEAM_NONE
else
$(error TEAM is '$(TEAM)': it must be threads, openmp or none)
endif

version_part = $(shell sed -n 's/^.define ADAMW_VERSION_$(1) //p' include/adamw.h)
VERSION := $(call version_part,MAJOR).$(call version_part,MINOR).$(call version_part,PATCH)
# Raised whenever a public struct changes, until 1.0.
SOVERSION := 0

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wcast-qual -Wwrite-strings
C_WARNINGS = $(WARNINGS) -Wstrict-prototypes -Wmissing-prototypes
ifeq ($(WERROR),yes)
WARNINGS += -Werror
endif
# After the user's CFLAGS: what the bits rest on (kernels/strict.h is the second belt).
STRICT_FLAGS := -ffp-contract=off -fno-math-errno

LIB_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS) -fPIC -fvisibility=hidden $(TEAM_FLAGS) $(STRICT_FLAGS)
# What a program that links the static library needs beside it.
LIB_LIBS := -lm $(filter -pthread -fopenmp,$(TEAM_FLAGS))

LIB_SOURCES := $(sort $(wildcard kernels/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
LIB_STATIC := $(BUILD)/libadamw.a
LIB_SHARED := $(BUILD)/libadamw.so
LIB_SONAME := libadamw.so.$(SOVERSION)

.PHONY: all
all: $(LIB_STATIC) $(LIB_SHARED)

.DELETE_ON_ERROR:
.SUFFIXES:

# Touched only when a flag changes, so that objects never mix flags.
FLAGS_STAMP := $(BUILD)/flags
FLAGS_NOW = $(CC) $(CXX) $(LIB_CFLAGS) $(OPENMP_FLAGS) $(CXXFLAGS) $(LDFLAGS)
.PHONY: always
$(FLAGS_STAMP): always
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' > $@

$(BUILD)/obj/kernels/%.o: kernels/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIB_CFLAGS) -MMD -MP -c $< -o $@

# What adamw_info_get() tells of the build.
$(BUILD)/obj/kernels/api/info.o: LIB_CFLAGS += -DADAMW_BUILD_FLAGS='"$(strip $(CFLAGS) $(TEAM_FLAGS) $(STRICT_FLAGS))"'

$(LIB_STATIC): $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIB_SHARED): $(LIB_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,$(LIB_SONAME) $(TEAM_LDFLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -o $@.$(VERSION)
	$(Q)ln -sf $(@F).$(VERSION) $(BUILD)/$(LIB_SONAME) && ln -sf $(LIB_SONAME) $@

$(BUILD)/adamw.pc: include/adamw.h Makefile always
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' 'Name: libadamw' \
	    'Description: AdamW and coupled-L2 Adam parameter updates for CPUs' 'Version: $(VERSION)' \
	    'Libs: -L$${libdir} -ladamw' 'Libs.private: $(LIB_LIBS)' \
	    'Cflags: -I$${includedir}' > $@

INSTALLED = $(INCLUDEDIR)/adamw.h $(INCLUDEDIR)/adamw_schedule.h $(LIBDIR)/libadamw.a $(LIBDIR)/libadamw.so.$(VERSION) $(LIBDIR)/$(LIB_SONAME) \
    $(LIBDIR)/libadamw.so $(LIBDIR)/pkgconfig/adamw.pc

.PHONY: install uninstall
install: all $(BUILD)/adamw.pc
	install -d $(DESTDIR)$(INCLUDEDIR) $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 include/adamw.h include/adamw_schedule.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 $(LIB_STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 755 $(LIB_SHARED).$(VERSION) $(DESTDIR)$(LIBDIR)/
	ln -sf libadamw.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) $(DESTDIR)$(LIBDIR)/libadamw.so
	install -m 644 $(BUILD)/adamw.pc $(DESTDIR)$(LIBDIR)/pkgconfig/

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))

.PHONY: clean help
clean:
	rm -rf $(BUILD)

# Every target with a "## text" behind it, in this file and the included ones.
help:
	@sed -n 's/^#   make/make/p' Makefile
	@sed -n 's/^\([a-z][a-z-]*\):.*## /make \1: /p' $(MAKEFILE_LIST) | sort

include tests/rules.mk bench/rules.mk tools/rules.mk

-include $(LIB_OBJECTS:.o=.d)
