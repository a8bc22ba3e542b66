# ordersync: a PGXS extension. `make`, `make install`, `make installcheck`, `make prove_installcheck` are PGXS's own;
# `make test` and `make demo` need nothing but make: they install what is missing, build, install and run.

EXTENSION = ordersync
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" ordersync.control)

MODULE_big = ordersync
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
# Made of sql/dictionary.txt, as the script is: see sql/generate.
GENERATED_HEADERS = src/dictionary.h src/top_fields.h
OUR_HEADERS = $(sort $(wildcard src/*.h) $(GENERATED_HEADERS))

# The column reference, made of it too.  The pages are installed with the server's documentation, in a folder that all
# extensions share: hence their names.
COLUMNS = docs/ordersync_columns.md
# The dashboards with them: the Chinese ones are made of the English, see dashboards/translate.
DASHBOARDS = $(filter-out %.zh-CN.json,$(wildcard dashboards/ordersync-*.json))
TRANSLATED = $(DASHBOARDS:.json=.zh-CN.json)
DOCS = $(sort $(COLUMNS) $(DASHBOARDS) $(TRANSLATED) $(wildcard docs/ordersync_*.md docs/MIGRATION*.md))

# sql/order lists them, lowest first: a part calls only what stands before it.
SQL_PARTS := $(addprefix sql/parts/,$(shell sed 's/#.*//' sql/order))
SQL_FILES := $(patsubst ./%,%,$(shell find sql/parts -name '[!.]*.sql'))
ifneq ($(filter-out $(SQL_FILES),$(SQL_PARTS)),)
$(error sql/order lists what is not there: $(filter-out $(SQL_FILES),$(SQL_PARTS)))
endif
ifneq ($(filter-out $(SQL_PARTS),$(SQL_FILES)),)
$(error not listed in sql/order: $(filter-out $(SQL_PARTS),$(SQL_FILES)))
endif

SQL_SCRIPT = sql/ordersync--$(EXTVERSION).sql
# From each released version to this one: see sql/versions/README.
VERSION_LIST = sql/versions/$(EXTVERSION).txt
SQL_UPDATES = $(patsubst sql/versions/%.txt,sql/ordersync--%--$(EXTVERSION).sql,$(filter-out $(VERSION_LIST),$(wildcard sql/versions/*.txt)))
DATA_built = $(SQL_SCRIPT) $(SQL_UPDATES)

# A folder named test/ would make `make test` say "up to date": every target of ours is phony.
.PHONY: test test-long test-matrix lint installcheck-ready prove_installcheck demo demo-stop packages gateway window
.PHONY: bench bench-quick check-build dist no-check-script version-list

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --encoding=UTF8 $(EXPECTED)
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --encoding=UTF8 $(EXPECTED)
# From 16 on the expected outputs are not looked for in the input's folder.
EXPECTED = $(if $(filter 15,$(MAJORVERSION)),,--expecteddir=test)
# `make installcheck` tests the running server: this says what it lacks.
REGRESS_PREP = installcheck-ready

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# Warnings are errors for those who change the code; a packager with another compiler says WERROR=.
WERROR ?= -Werror
PG_CPPFLAGS = -Isrc -DORDERSYNC_VERSION='"$(EXTVERSION)"' $(shell curl-config --cflags 2>/dev/null || pkg-config --cflags libcurl 2>/dev/null)
PG_CFLAGS = -fvisibility=hidden -Wall -Wextra $(WERROR) -Wno-unused-parameter -Wno-sign-compare \
	-Wno-declaration-after-statement
SHLIB_LINK = $(or $(shell curl-config --libs 2>/dev/null || pkg-config --libs libcurl 2>/dev/null),-lcurl) -lcrypto

EXTRA_CLEAN = $(SQL_SCRIPT) $(SQL_UPDATES) $(GENERATED_HEADERS) $(COLUMNS) $(TRANSLATED) results regression.diffs regression.out output_iso tmp_check
# What the tests' modules were built into: of another server, it would be installed as it is.
EXTRA_CLEAN += $(wildcard test/modules/*/*.o test/modules/*/*.so)

ifneq ($(wildcard $(PGXS)),)

# The server may have been built with LLVM on a machine that had clang: here nothing of it is needed.
PG_CLANG := $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)
ifeq ($(shell command -v $(or $(PG_CLANG),clang-is-not-there) 2>/dev/null),)
override with_llvm = no
endif

ifeq ($(REGRESS),)
undefine REGRESS
endif
ifeq ($(ISOLATION),)
undefine ISOLATION
endif

# Which headers an object was made of is written down with it, as servers' own objects do where they are developed.
override autodepend = yes
include $(PGXS)

$(OBJS): | $(GENERATED_HEADERS) check-build
# Those of which it is not known depend on all; where the version stands in the source, on the control file.
$(filter-out $(patsubst $(DEPDIR)/%.Po,src/%.o,$(wildcard $(DEPDIR)/*.Po)),$(OBJS)): $(OUR_HEADERS)
$(patsubst %.c,%.o,$(shell grep -lE 'ORDERSYNC_(VERSION|MODULE_MAGIC)' src/*.c)): ordersync.control
$(OBJS:.o=.bc): $(GENERATED_HEADERS)

GENERATE = perl sql/generate
src/dictionary.h: sql/dictionary.txt sql/generate | check-build
	@echo 'building $@'
	@$(GENERATE) columns $< > $@.tmp && mv $@.tmp $@

src/top_fields.h: sql/dictionary.txt sql/generate | check-build
	@echo 'building $@'
	@$(GENERATE) fields $< > $@.tmp && mv $@.tmp $@

# PGXS would look for the pages below a folder docs/ there.
uninstall: uninstall-pages
.PHONY: uninstall-pages
uninstall-pages:
	@rm -f $(addprefix '$(DESTDIR)$(docdir)/$(docmoduledir)'/,$(notdir $(DOCS)))

all: $(COLUMNS) $(TRANSLATED)
$(COLUMNS): sql/dictionary.txt sql/generate | check-build
	@echo 'building $@'
	@mkdir -p $(@D)
	@$(GENERATE) reference $< > $@.tmp && mv $@.tmp $@

$(TRANSLATED): %.zh-CN.json: %.json dashboards/zh-CN.txt dashboards/translate | check-build
	@echo 'building $@'
	@perl dashboards/translate dashboards/zh-CN.txt $< > $@.tmp && mv $@.tmp $@

# Builds before the first release began by a script of a version named "check".
install: no-check-script
no-check-script:
	@rm -f '$(DESTDIR)$(datadir)/extension/ordersync--check'*.sql

$(SQL_SCRIPT): sql/dictionary.txt sql/generate sql/order $(SQL_PARTS) ordersync.control $(wildcard META.json $(VERSION_LIST)) | check-build
	@echo "building $@ of $(words $(SQL_PARTS)) parts"
	@$(addprefix $(GENERATE) check ,$(wildcard META.json))
	@[ ! -f $(VERSION_LIST) ] || $(GENERATE) list $< $(SQL_PARTS) | cmp -s - $(VERSION_LIST) || \
		{ echo '$(VERSION_LIST): version $(EXTVERSION) is released, and the parts have something else: raise default_version in ordersync.control' >&2; exit 1; }
	@$(GENERATE) script $< $(SQL_PARTS) > $@.tmp && mv $@.tmp $@

$(SQL_UPDATES): sql/ordersync--%--$(EXTVERSION).sql: sql/versions/%.txt sql/dictionary.txt sql/generate sql/order $(SQL_PARTS) ordersync.control | check-build
	@echo 'building $@'
	@$(GENERATE) update sql/dictionary.txt $< $(SQL_PARTS) > $@.tmp && mv $@.tmp $@

# At a release: what it has, for the update scripts of later versions.
version-list:
	@mkdir -p $(dir $(VERSION_LIST))
	@$(GENERATE) list sql/dictionary.txt $(SQL_PARTS) > $(VERSION_LIST).tmp && mv $(VERSION_LIST).tmp $(VERSION_LIST)

else

all install installcheck uninstall: check-build
clean distclean:
	rm -rf $(OBJS) $(patsubst %.o,%.bc,$(OBJS)) ordersync.so .deps $(EXTRA_CLEAN)
.PHONY: all install installcheck uninstall clean distclean

endif

# Whole runs by prove, on servers that they start: PROVE_TESTS=test/t/13_quarantine.pl for one, PROVE_FLAGS=-j3 for three at
# a time. Not by TAP_TESTS, which would have `make installcheck` run them too.
PROVE_TESTS ?= $(sort $(wildcard test/t/*.pl))
prove_installcheck: export PG_CONFIG := $(PG_CONFIG)
prove_installcheck: export ORDERSYNC_TEST = $(CURDIR)/test
prove_installcheck: export PERL5LIB := $(CURDIR)/test/t/lib$(if $(PERL5LIB),:$(PERL5LIB))
prove_installcheck: gateway
	@$(prove_installcheck)

installcheck-ready:
	@test/lib/installcheck_ready '$(PG_CONFIG)'

# Says which command brings what the build lacks, before the compiler says it less clearly.
check-build:
	@PG_CONFIG='$(PG_CONFIG)' CC='$(CC)' test/packages --check-build

packages:
	@test/packages

gateway:
	@$(MAKE) --no-print-directory -C test/gateway

window:
	@$(MAKE) --no-print-directory -C test/window

test:
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' test/run

# What takes long: many seeds, large shops, rates.
test-long:
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' test/run long

# What linters find; installs them first.
lint:
	@PG_CONFIG='$(PG_CONFIG)' test/packages
	@PG_CONFIG='$(PG_CONFIG)' test/packages lint
	@$(MAKE) --no-print-directory PG_CONFIG='$(PG_CONFIG)' $(GENERATED_HEADERS)
	@PG_CONFIG='$(PG_CONFIG)' test/lint

# The same tests on other PostgreSQL versions, each in a Debian of its own: PG='17 18' for some.
test-matrix:
	@PG='$(PG)' test/matrix

demo:
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' test/demo/start

demo-stop:
	@test/demo/stop

# What it costs beside what others take: all of it, or the comparisons alone in under two minutes.
bench:
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' test/bench/run

bench-quick:
	@PG_CONFIG='$(PG_CONFIG)' MAKE='$(MAKE)' test/bench/run --quick

# The archive that goes to PGXN.
dist:
	git archive --format=zip --prefix=ordersync-$(EXTVERSION)/ -o ordersync-$(EXTVERSION).zip HEAD
