# What is handed on: the source distribution.

.PHONY: dist
dist: ## the source distribution of the tracked files, build/libadamw-VERSION.tar.gz
	@tools/packaging/dist.sh libadamw-$(VERSION) $(call quoted,BUILD)
