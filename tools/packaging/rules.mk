# What is handed on: the source distribution, and recipes for the package managers of others.

.PHONY: dist crate
dist: ## the source distribution of the tracked files, build/libadamw-VERSION.tar.gz
	@tools/packaging/dist.sh libadamw-$(VERSION) $(call quoted,BUILD)

crate: ## the Rust crate adamw-sys: build/crate/adamw-sys
	@tools/setup.sh crate
	@$(MAKE) --no-print-directory -s amalgamation >/dev/null
	@tools/packaging/rust/crate.sh $(VERSION) $(call quoted,BUILD)/amalgamation $(call quoted,BUILD)/crate/adamw-sys

.PHONY: deb
deb: ## Debian packages of this checkout: build/debian/*.deb; DEBFULLNAME and DEBEMAIL say whose
	@tools/setup.sh debian
	@$(MAKE) --no-print-directory -s dist >/dev/null
	@tools/packaging/debian.sh $(VERSION) $(call quoted,BUILD)/libadamw-$(VERSION).tar.gz $(call quoted,BUILD)/debian
