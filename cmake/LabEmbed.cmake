# lab_embed(TARGET FILE): FILE's bytes as C arrays linked into TARGET,
#   const char lab_lua_NAME[]; const size_t lab_lua_NAME_len;
# where NAME is the file's name without its extension. A 0 follows the bytes
# and isn't counted. Made when building, so that an edit is picked up.
#
# The file is also the script that does it: cmake -P runs its upper half.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REPLACE "0x0a," "0x0a,\n" bytes "${bytes}") # a line for each of FILE
  file(WRITE ${OUTPUT} "#include <stddef.h>\n"
    "extern const char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_len;\n"
    "const char ${SYMBOL}[] = {\n${bytes}0};\n"
    "const size_t ${SYMBOL}_len = sizeof ${SYMBOL} - 1;\n")
  return()
endif()

set(LAB_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(lab_embed target file)
  get_filename_component(name ${file} NAME_WE)
  set(output ${CMAKE_BINARY_DIR}/generated/lua_${name}.c)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D INPUT=${file} -D OUTPUT=${output}
            -D SYMBOL=lab_lua_${name} -P ${LAB_EMBED_SCRIPT}
    DEPENDS ${file} ${LAB_EMBED_SCRIPT}
    COMMENT "Embedding ${name}.lua" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
