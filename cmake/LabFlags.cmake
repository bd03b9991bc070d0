# Compiler flags of all our code.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_definitions(_GNU_SOURCE)
# Profiles are the product: every frame must be found by any unwinder, and a
# caller must not vanish behind a sibling call.
add_compile_options(-fno-omit-frame-pointer -fno-optimize-sibling-calls)

# Two builds of the same sources are the same, byte by byte, wherever they are:
# no path of this machine gets into them. Debug information says ./src/vm/vm.c;
# profiles and tools/gdb find the tree (src/base/source_tree.h). The last option
# that fits counts.
set(LAB_PATHS -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
    -ffile-prefix-map=${CMAKE_BINARY_DIR}=.)

# What C no longer allows, but gcc 12 only warns of, is an error: a function that
# is called without its header would return an int. In tests, too.
add_compile_options(-Werror=implicit-function-declaration
  -Werror=int-conversion -Werror=incompatible-pointer-types)
set(LAB_WARNINGS -Wall -Wextra -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wwrite-strings)
if(LAB_WERROR)
  list(APPEND LAB_WARNINGS -Werror)
endif()

if(LAB_SANITIZE)
  add_compile_options(-fsanitize=${LAB_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${LAB_SANITIZE})
endif()

# gcov: each line and branch counts how often it was executed. The counts of
# threads are exact only with atomic ones.
if(LAB_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic -fprofile-abs-path)
  add_link_options(--coverage)
  set(LAB_PATHS) # gcov looks for the sources where they are
endif()

# The fuzzer learns from the coverage of the code it calls.
if(LAB_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
