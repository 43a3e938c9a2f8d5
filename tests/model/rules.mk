# SPDX-License-Identifier: Apache-2.0
# The vectors as C strings, one a line: unit tests read no files.
GENERATED += build/gen/gen/model_vectors.h
build/gen/gen/model_vectors.h: tests/model/vectors.txt
	@mkdir -p $(@D)
	$(Q)sed 's/.*/"&",/' $< >$@.$(CFG) && mv $@.$(CFG) $@
