# Makefile of libadamw.
#
#   make                build/libadamw.a, build/libadamw.so and build/adamw-lr; needs a C compiler and make
#   make help           every target
#
# Variables, on the command line or in the environment:
#
#   CC, CXX, AR, CFLAGS, CXXFLAGS, LDFLAGS
#                       compilers and flags, in the shell's words; the flags that keep the bits come after yours
#   TEAM=openmp         the library's threads are OpenMP's; TEAM=none: each call has one (default: threads, its own,
#                       where $(CC) links -pthread)
#   OPENMP=no           builds benchmarks and tests without OpenMP (default: yes where $(CC) links it)
#   WERROR=yes          makes warnings errors
#   SETUP=no            names the packages that a target lacks instead of installing them
#   V=1                 shows the commands
#   BUILD               the folder for everything that is made (default build)
#   PREFIX, LIBDIR, INCLUDEDIR, DESTDIR
#                       where to install (default /usr/local)
#   STRIP               takes the debug data out of what is installed (default the compiler's strip; STRIP=: keeps it)
#
# The rules for tests, benchmarks and tools stand in their folders' rules.mk.

BUILD ?= build
V ?= 0

# --- Values for the shell. Every value of a user's reaches a shell as one quoted word, by `quoted` or `quote`, or as
# the words of an ARGS by tools/words.sh. CC and the flags alone are the shell's own words, as in every Makefile. ---
define newline


endef
hash := \#
# A text as one word.
quote = $(if $(findstring $(newline),$1),$(error a value has to be one line, not: $1))'$(subst ','\'',$1)'
# The value of a variable: to the letter where a user gave it, so that a dollar sign in it is one and $(shell) runs
# nothing.
given = $(if $(call is_given,$1),$(value $1),$($1))
is_given = $(filter environment command,$(firstword $(origin $1)))
quoted = $(call quote,$(call given,$1))
# A text as a literal of C.
c_string = "$(subst ",\",$(subst \,\\,$1))"

# Target names cannot be quoted, so the one folder that is a part of them has to do without.
define awkward
' " ` $$ ; & | < > ( ) * ? [ ] { } \ ! ~ : % $(hash)
endef
ifneq ($(words $(call given,BUILD)),1)
$(error BUILD is '$(call given,BUILD)': it must be the name of a folder, without blanks)
endif
$(foreach c,$(awkward),$(if $(findstring $c,$(call given,BUILD)),$(error BUILD is '$(call given,BUILD)': it must be \
    the name of a folder, without $c)))

# What the last build was made with is what `make install` installs, where it is not told otherwise.
REMEMBERED := AR CC CXX CFLAGS CXXFLAGS LDFLAGS OPENMP TEAM WERROR
ifneq ($(filter install,$(MAKECMDGOALS)),)
-include $(BUILD)/made-with.mk
$(foreach v,$(REMEMBERED),$(if $(filter undefined default,$(origin $v)),$(if $(filter file,$(origin made_with_$v)),\
    $(eval $v := $$(value made_with_$v)))))
endif

CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif
CXX ?= c++
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
WERROR ?= no

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
ifeq ($(call given,OPENMP),yes)
OPENMP_FLAGS := -fopenmp
else ifneq ($(call given,OPENMP),no)
$(error OPENMP is '$(call given,OPENMP)': it must be yes or no)
endif

# The engine behind `threads` (kernels/run/team.h).
ifndef TEAM
TEAM := $(shell printf '\043include <pthread.h>\nint main(void){return pthread_atfork(0,0,0);}' | \
    $(CC) -pthread -x c - -o /dev/null 2>/dev/null && echo threads || echo none)
endif
ifeq ($(call given,TEAM),threads)
TEAM_FLAGS := -pthread
else ifeq ($(call given,TEAM),openmp)
ifneq ($(call given,OPENMP),yes)
$(error TEAM=openmp needs OpenMP, which $(CC) does not link or OPENMP=no takes away)
endif
# The runtime's threads stay when the library is unloaded, and so its code has to (nodelete).
TEAM_FLAGS := $(OPENMP_FLAGS) -DADAMW_TEAM_OPENMP
TEAM_LDFLAGS := -Wl,-z,nodelete
else ifeq ($(call given,TEAM),none)
TEAM_FLAGS := -DADAMW_TEAM_NONE
else
$(error TEAM is '$(call given,TEAM)': it must be threads, openmp or none)
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

# Two builds of the same sources are the same bytes wherever they stand: no path is kept in what is made.
PATH_FLAGS := -ffile-prefix-map=$(call quote,$(CURDIR))=.

LIB_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS) -fPIC -fvisibility=hidden $(TEAM_FLAGS) $(STRICT_FLAGS) $(PATH_FLAGS)
# What a program that links the static library needs beside it.
LIB_LIBS := -lm $(filter -pthread -fopenmp,$(TEAM_FLAGS))

LIB_SOURCES := $(sort $(wildcard kernels/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/obj/%.o)
LIB_STATIC := $(BUILD)/libadamw.a
LIB_SHARED := $(BUILD)/libadamw.so
LIB_SONAME := libadamw.so.$(SOVERSION)

.PHONY: all
all: $(LIB_STATIC) $(LIB_SHARED) ## (or plain make) the library, static and shared, and adamw-lr for schedules

.DELETE_ON_ERROR:
.SUFFIXES:

# Touched only when a flag changes, so that objects never mix flags. made-with.mk beside it is for `make install`.
FLAGS_STAMP := $(BUILD)/flags
FLAGS_NOW = $(AR) $(CC) $(CXX) $(LIB_CFLAGS) $(ISA_CFLAGS) $(OPENMP_FLAGS) $(CXXFLAGS) $(LDFLAGS)
made_with = $(foreach v,$(REMEMBERED),$(call quote,made_with_$v := $(subst $(hash),\$(hash),$(subst $$,$$$$,$($v)))))
.PHONY: always
$(FLAGS_STAMP): always
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(FLAGS_NOW)) | cmp -s - $@ || \
	    { printf '%s\n' $(made_with) > $(BUILD)/made-with.mk && printf '%s\n' $(call quote,$(FLAGS_NOW)) > $@; }

# Further flags for the files of kernels/isa, which sanitizers take minutes to optimise (tools/check/sanitize.sh).
ISA_CFLAGS ?=
$(BUILD)/obj/kernels/isa/%.o: LIB_CFLAGS += $(ISA_CFLAGS)

$(BUILD)/obj/kernels/%.o: kernels/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LIB_CFLAGS) -MMD -MP -c $< -o $@

# What adamw_info_get() tells of the build.
$(BUILD)/obj/kernels/api/info.o: LIB_CFLAGS += \
    -DADAMW_BUILD_FLAGS=$(call quote,$(call c_string,$(strip $(CFLAGS) $(TEAM_FLAGS) $(STRICT_FLAGS))))

$(LIB_STATIC): $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIB_SHARED): $(LIB_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,$(LIB_SONAME) $(TEAM_LDFLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -o $@.$(VERSION)
	$(Q)ln -sf $(@F).$(VERSION) $(BUILD)/$(LIB_SONAME) && ln -sf $(LIB_SONAME) $@

PREFIX ?= /usr/local
STRIP ?= $$($(CC) -print-prog-name=strip)
LIBDIR ?= $(call given,PREFIX)/lib
INCLUDEDIR ?= $(call given,PREFIX)/include
HEADERS := $(sort $(wildcard include/*.h))
to_include = $(call quote,$(call given,DESTDIR)$(call given,INCLUDEDIR))
to_lib = $(call quote,$(call given,DESTDIR)$(call given,LIBDIR))

$(BUILD)/adamw.pc: include/adamw.h tools/pkgconfig.sh always
	@mkdir -p $(@D)
	@tools/pkgconfig.sh $(call quoted,PREFIX) $(call quoted,LIBDIR) $(call quoted,INCLUDEDIR) $(VERSION) \
	    $(call quote,$(strip $(LIB_LIBS))) > $@

.PHONY: install uninstall
install: all $(BUILD)/adamw.pc ## headers, libraries and adamw.pc below DESTDIR PREFIX, as the last make built them
	install -d -- $(to_include) $(to_lib)/pkgconfig
	install -m 644 -- $(HEADERS) $(to_include)/
	install -m 644 -- $(LIB_STATIC) $(to_lib)/
	install -m 755 -- $(LIB_SHARED).$(VERSION) $(to_lib)/
	$(STRIP) -S -- $(to_lib)/libadamw.a $(to_lib)/libadamw.so.$(VERSION)
	ln -sf -- libadamw.so.$(VERSION) $(to_lib)/$(LIB_SONAME)
	ln -sf -- $(LIB_SONAME) $(to_lib)/libadamw.so
	install -m 644 -- $(BUILD)/adamw.pc $(to_lib)/pkgconfig/

uninstall: ## takes them away again
	rm -f -- $(foreach header,$(notdir $(HEADERS)),$(to_include)/$(header)) $(foreach library,libadamw.a \
	    libadamw.so.$(VERSION) $(LIB_SONAME) libadamw.so pkgconfig/adamw.pc,$(to_lib)/$(library))

.PHONY: clean help
clean: ## removes what was made
	rm -rf $(BUILD)

# Each target with a "## text" behind it, in this file and the included ones.
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' $(wildcard Makefile */rules.mk */*/rules.mk) | LC_ALL=C sort | \
	    awk -F'|' '{ printf "make %-15s %s\n", $$1, $$2 }'
	@sed -n '/^# Variables/,/^$$/{/^# The rules/d;s/^# \{0,1\}//p}' Makefile

include tests/rules.mk bench/rules.mk tools/rules.mk

# make expands what it exports, so these are handed over by `quoted` alone. The line defines them, so it comes after
# their defaults.
unexport ARGS DESTDIR FILTER FORM INCLUDEDIR LIBDIR MUTANTS PEERS_PYTHON PREFIX PYTHON PYTHON_ARGS RUNS SEED SHAPES \
    SIZES TESTS THREADS TORCH

-include $(LIB_OBJECTS:.o=.d)
