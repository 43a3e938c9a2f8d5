# SPDX-License-Identifier: Apache-2.0
#
# Two halves. The first is what a person types: each target calls make again with a
# configuration (CFG=release, asan, clang, tsan, fuzz). The second half builds one configuration
# under build/$(CFG)/: objects, one archive per folder, programs, test programs.
#
# Sources are found by wildcard; a new file, test or fuzzer needs no line here.
#   folder/x.c            goes into that folder's archive
#   folder/x_main.c       is a program, see PROGRAMS
#   tests/KIND/x_test.c   is a test program of that kind (unit, scenario, system)
#   tests/fuzz/x_fuzz.c   is a fuzz target, replayed over tests/fuzz/corpus/x/ by `make test`
#   folder/rules.mk       may add rules for generated headers (see GENERATED)

VERSION := 0.1.0
PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc 2>/dev/null || echo 1)

FUZZ_SECONDS ?= 60

# Folders with an archive each, lowest layer first.
FOLDERS := base gossip node/data node/wire gossip/cli node/core node/store node/io client \
           sim/number sim/workload client/bench sim/scheme sim/question sim/output sim/placement \
           sim/checker sim/world sim/check sim/cluster
# What the client library is made of (client/cli_*.c stay outside).
LIBRARY_FOLDERS := base node/data node/wire client
# program:main file
PROGRAMS := quorate-node:node/node_main.c quorate:client/quorate_main.c \
            quorate-members:gossip/cli/members_main.c quorate-sim:sim/sim_main.c

.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
Q := $(if $(V),,@)
say = $(if $(V),,@echo "$1 $2")

ifeq ($(CFG),)
# ---------------------------------------------------------------- what a person types

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-print-directory

# T=word limits test targets to the programs whose name contains the word.
pick     = $(if $(T),$(foreach t,$1,$(if $(findstring $(T),$(notdir $t)),$t)),$1)
programs = $(call pick,$(patsubst %.c,build/$1/%,$(wildcard tests/$2/*_test.c)))
UNIT     := $(call programs,asan,unit) $(call programs,asan,scenario) \
            $(call pick,$(patsubst %.c,build/asan/%,$(wildcard tests/fuzz/*_fuzz.c)))
SYSTEM   := $(call programs,release,system) $(call pick,$(wildcard tests/system/*_test.sh))
FUZZERS  := $(call pick,$(patsubst %.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c)))
BIN      := $(CURDIR)/build/release/bin

.PHONY: all asan clang tsan demo test test-unit test-system check check-static bench bench-peers \
        bench-scale profile fuzz soak plants sim-reference install clean deps deps-extra help

all: ## the programs and the client library, in build/release/
	@tests/deps.sh --check
	$(Q)$(MAKE) CFG=release cfg-programs cfg-library

asan clang tsan: ## everything, in that configuration (build/asan/, ...)
	@tests/deps.sh --check
	$(Q)$(MAKE) CFG=$@ cfg-everything

demo: deps ## a small cluster on this machine, explained while it runs
	$(Q)$(MAKE) all
	$(Q)QUORATE_BIN=$(BIN) client/demo.sh

test: deps ## every test; T=word picks programs by name
	$(Q)$(MAKE) CFG=asan cfg-tests
	$(Q)$(MAKE) CFG=release cfg-programs cfg-library cfg-system-tests
	$(Q)$(MAKE) CFG=plant cfg-simulator
	$(Q)tests/run.sh $(UNIT) $(SYSTEM)

test-unit: deps ## unit and scenario tests and fuzz replay, with sanitizers
	$(Q)$(MAKE) CFG=asan cfg-tests
	$(Q)tests/run.sh $(UNIT)

test-system: deps ## tests that start real processes, with the release programs
	$(Q)$(MAKE) CFG=release cfg-programs cfg-library cfg-system-tests
	$(Q)$(MAKE) CFG=plant cfg-simulator
	$(Q)tests/run.sh $(SYSTEM)

check: deps check-static ## before a commit: static checks, gcc and clang builds, unit tests
	$(Q)$(MAKE) CFG=release cfg-everything
	$(Q)$(MAKE) CFG=clang cfg-everything
	$(Q)tests/check/purity.sh
	$(Q)$(MAKE) CFG=asan cfg-tests
	$(Q)tests/run.sh $(UNIT)

check-static: ## only the quick part of check: format, layers, limits, licence lines
	@tests/deps.sh --tools clang clang-format
	$(Q)bad=0; for check in format layers limits spdx; do tests/check/$$check.sh || bad=1; done; \
	    exit $$bad

bench: deps ## measure clusters beside plain servers; BENCH=full for all cells, WRITE=1 for a page
	$(Q)$(MAKE) CFG=release cfg-programs build/release/tests/bench/disk_main
	$(Q)QUORATE_BIN=$(BIN) tests/bench/nodes.sh $(if $(WRITE),--write)

bench-peers: deps ## measure beside Redis and etcd, which it installs
	@tests/deps.sh --peers || true
	$(Q)$(MAKE) CFG=release cfg-programs build/release/tests/bench/etcd_main \
	    build/release/tests/system/free_port_main
	$(Q)QUORATE_BIN=$(BIN) tests/bench/peers.sh

bench-scale: deps ## measure against keys, shards, nodes, values; overload; PARTS=..., BENCH=full, WRITE=1
	$(Q)$(MAKE) CFG=release cfg-programs build/release/tests/bench/disk_main
	$(Q)QUORATE_BIN=$(BIN) tests/bench/scale.sh $(if $(WRITE),--write)

profile: deps ## where a node spends its time, and what it allocates, under PUT and GET
	$(Q)$(MAKE) CFG=release cfg-programs cfg-malloc-count
	$(Q)QUORATE_BIN=$(BIN) tests/bench/profile.sh

fuzz: deps ## each fuzz target for FUZZ_SECONDS=60 seconds (needs clang)
	@tests/deps.sh --tools clang
	$(Q)$(MAKE) CFG=fuzz cfg-fuzzers
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz.sh $(FUZZERS)

soak: deps ## for long: QUORATE_SOAK_SEEDS=50000 of the simulator's check, ROUNDS=2000 of kills
	$(Q)$(MAKE) all
	$(Q)QUORATE_BIN=$(BIN) tests/soak.sh

sim-reference: ## the simulator against published numbers, in full (some minutes)
	$(Q)$(MAKE) all
	$(Q)QUORATE_BIN=$(BIN) tests/reference.sh full

plants: deps ## are planted bugs found by the simulator? SEEDS=10000 for each, at most
	$(Q)$(MAKE) CFG=release cfg-programs
	$(Q)$(MAKE) CFG=plant cfg-simulator
	$(Q)tests/plants.sh $(T)

install: ## programs, library, header, manual pages; PREFIX=/usr/local, DESTDIR=
	$(Q)$(MAKE) all
	$(Q)$(MAKE) CFG=release cfg-install

clean: ## remove build/
	rm -rf build

# A build server also gets the programs that some tests want (Serf, Go, a browser), as far as it can
# have them; without them those tests are skipped, with the reason.
deps: ## install what the build needs, if anything is missing
	@tests/deps.sh
	@if [ "$(CI)" = true ]; then timeout 300 tests/deps.sh --extra || true; fi

deps-extra: ## install what only developers and some tests want
	@tests/deps.sh --extra

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

else
# ---------------------------------------------------------------- one configuration

B := build/$(CFG)

CC_release := gcc
CC_asan    := gcc
CC_tsan    := gcc
CC_clang   := clang
CC_fuzz    := clang
CC_plant   := gcc

FLAGS_release := -O2 -g -fPIC -fno-semantic-interposition -D_FORTIFY_SOURCE=2 \
                 -fstack-protector-strong -flto=auto -ffat-lto-objects
FLAGS_asan    := -O1 -g1 -fno-omit-frame-pointer -DQUORATE_SLOW_CHECKS
FLAGS_tsan    := -O1 -g -fno-omit-frame-pointer
FLAGS_clang   := -O2 -g
FLAGS_plant    = $(FLAGS_release) -DQUORATE_PLANTS
FLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -DQUORATE_SLOW_CHECKS

LDFLAGS_release := -Wl,-z,relro,-z,now

SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_tsan := -fsanitize=thread
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

ifeq ($(CC_$(CFG)),)
$(error unknown configuration CFG=$(CFG): release, asan, clang, tsan, fuzz or plant)
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
            -Wmissing-prototypes -Werror

COMPILER := $(CC_$(CFG))
FLAGS    := -std=c17 -ffp-contract=off -D_GNU_SOURCE -DQUORATE_VERSION='"$(VERSION)"' -I. -Ibuild/gen $(WARNINGS) \
            $(FLAGS_$(CFG)) $(SANITIZE_$(CFG)) -pthread $(CPPFLAGS) $(CFLAGS)
LINK     := $(COMPILER) $(SANITIZE_$(CFG)) -pthread $(LDFLAGS_$(CFG)) $(LDFLAGS)

# The node is optimized as a whole at link time (a tenth less time of its own; LTO= turns it off);
# for the others, which are linked more often than run, it would not pay.
LTO := quorate-node
ifneq ($(filter release plant,$(CFG)),)
link = $(LINK) $(if $(filter $(LTO),$(notdir $1)),-O2 -flto=auto,-fno-lto)
else
link = $(LINK)
endif

# Plain -l flags: pkg-config may not be there yet when this is parsed. The C library of
# msgpack-c was renamed in later releases of Debian and Ubuntu.
LIB_MSGPACK := $(if $(wildcard /usr/lib/*/libmsgpack-c.so),-lmsgpack-c,-lmsgpackc)
LIBS        := -llmdb -luv -lxxhash $(LIB_MSGPACK) -linih -ljansson -lcrypto -lm

# A folder that generates headers writes them to build/gen/ by a rule in its rules.mk and adds
# them to GENERATED; they are made before anything is compiled.
GENERATED :=
-include $(wildcard $(addsuffix /rules.mk,$(FOLDERS)) tests/rules.mk tests/*/rules.mk)

# A plant build differs from the release build, which must be there, in files with planted bugs.
ifeq ($(CFG),plant)
PLANTED := $(shell grep -rlE --include='*.c' 'base/plant\.h|QUORATE_PLANTS' $(FOLDERS)) tests/%
objects  = $(foreach f,$1,$(if $(filter $(PLANTED),$f),$(B),build/release)/obj/$(f:.c=.o))
else
objects  = $(patsubst %.c,$(B)/obj/%.o,$1)
endif
archive  = $(B)/lib/$(subst /,_,$1).a
CLI_SOURCES := $(wildcard client/cli_*.c)
sources  = $(filter-out %_main.c $(CLI_SOURCES),$(wildcard $1/*.c))

LIVE_FOLDERS  := $(foreach f,$(FOLDERS),$(if $(call sources,$f),$f))
TEST_LIB      := $(filter-out tests/lib/fuzz_replay.c,$(wildcard tests/lib/*.c))
LIVE_PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(wildcard $(lastword $(subst :, ,$p))),$p))
MAIN_SOURCES  := $(foreach p,$(LIVE_PROGRAMS),$(lastword $(subst :, ,$p)))
TEST_MAINS    := $(wildcard tests/*_main.c tests/*/*_main.c)
SYSTEM_TESTS  := $(wildcard tests/system/*_test.c)
INSIDE_TESTS  := $(wildcard tests/unit/*_test.c tests/scenario/*_test.c)
FUZZ_SOURCES  := $(wildcard tests/fuzz/*_fuzz.c)

ARCHIVES     := $(foreach f,$(LIVE_FOLDERS),$(call archive,$f)) \
                $(if $(CLI_SOURCES),$(call archive,client/cli))
TEST_ARCHIVE := $(if $(TEST_LIB),$(call archive,tests/lib))
group         = -Wl,--start-group $(filter %.a,$1) -Wl,--end-group $(LIBS)

ALL_SOURCES := $(foreach f,$(FOLDERS),$(call sources,$f)) $(CLI_SOURCES) $(MAIN_SOURCES) \
               $(TEST_LIB) $(TEST_MAINS) $(SYSTEM_TESTS) $(INSIDE_TESTS) $(FUZZ_SOURCES) \
               $(wildcard tests/lib/fuzz_replay.c)

BIN_PROGRAMS  := $(foreach p,$(LIVE_PROGRAMS),$(B)/bin/$(firstword $(subst :, ,$p)))
TEST_PROGRAMS := $(patsubst %.c,$(B)/%,$(INSIDE_TESTS) $(SYSTEM_TESTS) $(TEST_MAINS))
FUZZ_PROGRAMS := $(patsubst %.c,$(B)/%,$(FUZZ_SOURCES))

.PHONY: cfg-programs cfg-simulator cfg-library cfg-tests cfg-system-tests cfg-fuzzers \
        cfg-everything cfg-install FORCE
cfg-programs: $(BIN_PROGRAMS)
cfg-simulator: $(B)/bin/quorate-sim
cfg-tests: $(patsubst %.c,$(B)/%,$(INSIDE_TESTS) $(TEST_MAINS)) $(FUZZ_PROGRAMS)
cfg-system-tests: $(patsubst %.c,$(B)/%,$(SYSTEM_TESTS) $(TEST_MAINS))
cfg-fuzzers: $(FUZZ_PROGRAMS)
cfg-everything: cfg-programs cfg-library cfg-tests cfg-system-tests
FORCE:
# Nothing to build is no news.
cfg-programs cfg-simulator cfg-library cfg-tests cfg-system-tests cfg-fuzzers:
	@:

# Two stamps, rewritten only when their content changes: a new flag rebuilds the objects, an
# added or removed source the archives.
stamp = @mkdir -p $(B); echo '$(subst ','\'',$1)' | cmp -s - $@ || echo '$(subst ','\'',$1)' >$@
$(B)/flags: FORCE
	$(call stamp,$(COMPILER) $(FLAGS))
$(B)/sources: FORCE
	$(call stamp,$(ALL_SOURCES) $(LINK) $(LIBS))

$(B)/obj/%.o: %.c $(B)/flags | $(GENERATED)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILER) $(FLAGS) -MMD -MP -c -o $@ $<

define archive_rule
$(1): $(2) $(B)/sources
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach f,$(LIVE_FOLDERS),\
    $(eval $(call archive_rule,$(call archive,$f),$(call objects,$(call sources,$f)))))
$(eval $(call archive_rule,$(call archive,client/cli),$(call objects,$(CLI_SOURCES))))
$(eval $(call archive_rule,$(call archive,tests/lib),$(call objects,$(TEST_LIB))))

define program_rule
$(B)/bin/$(1): $(call objects,$(2)) $(ARCHIVES) $(B)/sources
	@mkdir -p $$(@D)
	$$(call say,LINK,$(1))
	$$(Q)$$(call link,$$@) -o $$@ $$(filter %.o,$$^) $$(call group,$$^)
endef
$(foreach p,$(LIVE_PROGRAMS),\
    $(eval $(call program_rule,$(firstword $(subst :, ,$p)),$(lastword $(subst :, ,$p)))))

$(TEST_PROGRAMS): $(B)/%: $(B)/obj/%.o $(TEST_ARCHIVE) $(ARCHIVES) $(B)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$*)
	$(Q)$(call link,$@) -o $@ $(filter %.o,$^) $(call group,$^) -lcmocka

ifeq ($(CFG),fuzz)
FUZZ_DRIVER := -fsanitize=fuzzer
else
$(FUZZ_PROGRAMS): $(call objects,tests/lib/fuzz_replay.c)
endif
$(FUZZ_PROGRAMS): $(B)/%: $(B)/obj/%.o $(TEST_ARCHIVE) $(ARCHIVES) $(B)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$*)
	$(Q)$(call link,$@) $(FUZZ_DRIVER) -o $@ $(filter %.o,$^) $(call group,$^) -lcmocka

# The client library exports the names quorate_* and nothing else; in the static one the other
# names are made local, so that they cannot meet the application's.
ifneq ($(wildcard client/quorate.h),)
ifneq ($(call sources,client),)
ifeq ($(CFG),release)
LIBRARY := $(B)/lib/libquorate.a $(B)/lib/libquorate.so
endif
endif
endif
LIBRARY_OBJECTS := $(foreach f,$(LIBRARY_FOLDERS),$(call objects,$(call sources,$f)))
SONAME          := libquorate.so.$(firstword $(subst ., ,$(VERSION)))
cfg-library: $(LIBRARY)

$(B)/lib/libquorate.a: $(LIBRARY_OBJECTS) $(B)/sources
	@mkdir -p $(@D); rm -f $@
	$(call say,AR,libquorate.a)
	$(Q)ld -r -o $(B)/lib/libquorate.o $(LIBRARY_OBJECTS)
	$(Q)objcopy -w --keep-global-symbol='quorate_*' -R '.gnu.*lto_*' $(B)/lib/libquorate.o
	$(Q)ar rcs $@ $(B)/lib/libquorate.o

$(B)/lib/libquorate.so: $(LIBRARY_OBJECTS) $(B)/sources
	@mkdir -p $(@D)
	$(call say,LINK,libquorate.so)
	@echo '{ global: quorate_*; local: *; };' >$(B)/lib/libquorate.map
	$(Q)$(call link,$@) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=$(B)/lib/libquorate.map \
	    -Wl,-z,defs -Wl,--as-needed -o $@ $(LIBRARY_OBJECTS) $(LIBS)

# ---------------------------------------------------------------- install
MAN_SOURCES := $(wildcard */man/*.scd)
LIBDIR      := $(DESTDIR)$(PREFIX)/lib
COMPLETIONS := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
cfg-install:
	install -d $(DESTDIR)$(PREFIX)/bin
	$(if $(BIN_PROGRAMS),install -m 755 $(BIN_PROGRAMS) $(DESTDIR)$(PREFIX)/bin)
	install -d $(COMPLETIONS)
	for file in $(wildcard */completion/*.bash); do \
	    install -m 644 $$file $(COMPLETIONS)/$$(basename $$file .bash) || exit 1; done
ifneq ($(LIBRARY),)
	install -d $(DESTDIR)$(PREFIX)/include $(LIBDIR)/pkgconfig
	install -m 644 client/quorate.h $(DESTDIR)$(PREFIX)/include/quorate.h
	install -m 644 $(B)/lib/libquorate.a $(LIBDIR)/libquorate.a
	install -m 755 $(B)/lib/libquorate.so $(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(LIBDIR)/libquorate.so
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' 'includedir=$${prefix}/include' '' \
	    'Name: quorate' 'Description: client of the quorate key-value store' \
	    'Version: $(VERSION)' 'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lquorate' \
	    'Libs.private: -luv -lxxhash $(LIB_MSGPACK) -pthread' >$(LIBDIR)/pkgconfig/quorate.pc
endif
	@if ! command -v scdoc >/dev/null; then \
	    [ -z '$(MAN_SOURCES)' ] || echo 'scdoc is missing: manual pages are not installed'; \
	else for page in $(MAN_SOURCES); do \
	    name=$$(basename $$page .scd); folder=$(DESTDIR)$(PREFIX)/share/man/man$${name##*.}; \
	    install -d $$folder && scdoc <$$page >$$folder/$$name && echo "$$folder/$$name" || exit 1; \
	done; fi

-include $(patsubst %.c,$(B)/obj/%.d,$(ALL_SOURCES))
endif
