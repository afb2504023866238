# Rules of the tools; each has a folder of its own with its rules in it.
include $(sort $(wildcard tools/*/rules.mk))
