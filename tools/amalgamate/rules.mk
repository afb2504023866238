# build/amalgamation: the library as adamw.c and adamw.h, for programs that take it in as one file.

.PHONY: amalgamation
amalgamation: ## the library as one file: build/amalgamation/adamw.c and adamw.h
	@tools/setup.sh amalgamation
	@python3 tools/amalgamate/amalgamate.py $(call quoted,BUILD)/amalgamation
	@printf '%s\n' $(call quoted,BUILD)/amalgamation/adamw.c $(call quoted,BUILD)/amalgamation/adamw.h
