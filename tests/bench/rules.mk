# SPDX-License-Identifier: Apache-2.0
#
# A library for LD_PRELOAD, which is linked with nothing of ours.
.PHONY: cfg-malloc-count
cfg-malloc-count: $(B)/tests/bench/malloc_count.so

$(B)/tests/bench/malloc_count.so: tests/bench/malloc_count.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(COMPILER) $(FLAGS) -shared -o $@ $<
