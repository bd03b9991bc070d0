# lab_embed_page(TARGET FOLDER [VIEWER]): the files of FOLDER as a table that
# src/page/files.c of TARGET includes. Each is packed with gzip here, so that the
# lab never does it. Made when building, so that an edit is picked up. Those of the
# folder VIEWER, which the build makes, have its last part before their names.
#
# The file is also the script that does it: cmake -P runs its upper half.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*)
  list(TRANSFORM files PREPEND ${FOLDER}/ OUTPUT_VARIABLE paths)
  if(VIEWER)
    get_filename_component(beside ${VIEWER} DIRECTORY)
    file(GLOB more RELATIVE ${beside} ${VIEWER}/*)
    list(APPEND files ${more})
    list(TRANSFORM more PREPEND ${beside}/)
    list(APPEND paths ${more})
  endif()
  set(arrays "")
  set(rows "")
  set(n 0)
  foreach(name path IN ZIP_LISTS files paths)
    execute_process(COMMAND gzip -9nc ${path}
      OUTPUT_FILE ${OUTPUT}.gz COMMAND_ERROR_IS_FATAL ANY)
    file(READ ${OUTPUT}.gz bytes HEX)
    file(SHA256 ${path} hash)
    file(SIZE ${path} size)
    string(SUBSTRING ${hash} 0 16 hash)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(REGEX REPLACE "(................................................................................)"
      "\\1\n" bytes "${bytes}")
    string(APPEND arrays
      "static const unsigned char packed_${n}[] = {\n${bytes}};\n")
    string(APPEND rows "    {\"${name}\", \"${hash}\", packed_${n}, "
      "sizeof packed_${n}, ${size}},\n")
    math(EXPR n "${n} + 1")
  endforeach()
  file(REMOVE ${OUTPUT}.gz)
  # The hash is of the content: 16 hexadecimal digits.
  file(WRITE ${OUTPUT} "#include <stddef.h>\n"
    "typedef struct page_file {\n  const char *name, *hash;\n"
    "  const unsigned char *packed;\n  size_t packed_len, len;\n} page_file;\n"
    "${arrays}static const page_file page_files[] = {\n${rows}};\n")
  return()
endif()

set(LAB_PAGE_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(lab_embed_page target folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*)
  set(viewer ${ARGN})
  if(viewer)
    list(APPEND files ${viewer}/index.html)
  endif()
  set(output ${CMAKE_BINARY_DIR}/generated/page_files.h)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${folder} -D VIEWER=${viewer}
            -D OUTPUT=${output} -P ${LAB_PAGE_SCRIPT}
    DEPENDS ${files} ${LAB_PAGE_SCRIPT}
    COMMENT "Packing the files of the page" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
