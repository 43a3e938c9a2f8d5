# SPDX-License-Identifier: Apache-2.0
# The example includes <quorate.h>, as programs outside do.
$(B)/obj/tests/unit/client_example_main.o: FLAGS += -Iclient
