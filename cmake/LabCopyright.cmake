# generated/copyright: the licence, and what Debian says of the copyright of the
# libraries whose archives are linked into the program. Elsewhere than on Debian
# it is the licence alone.
find_program(LAB_DPKG_QUERY dpkg-query)
mark_as_advanced(LAB_DPKG_QUERY)

# lab_debian_package(VARIABLE FILE): the Debian package that has FILE, which may
# have a * in it; "" if none has.
function(lab_debian_package variable file)
  set(line "")
  if(LAB_DPKG_QUERY)
    execute_process(COMMAND ${LAB_DPKG_QUERY} -S ${file} OUTPUT_VARIABLE line
      ERROR_QUIET)
  endif()
  string(REGEX REPLACE "[:,].*" "" package "${line}")
  set(${variable} "${package}" PARENT_SCOPE)
endfunction()

file(READ ${CMAKE_SOURCE_DIR}/LICENSE text)
set(text "diaglab\n\n${text}")
foreach(file ${LUA_STATIC_LIBRARY} ${lab_uv_archive} ${lab_zlib_archive}
    ${lab_jemalloc_archive} ${LLHTTP_STATIC_LIBRARY} ${LLHTTP_SOURCE_DIR})
  set(package "")
  if(EXISTS ${file})
    lab_debian_package(package ${file})
  endif()
  set(copyright /usr/share/doc/${package}/copyright)
  if(package AND EXISTS ${copyright})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${copyright})
    file(READ ${copyright} copyright)
    string(APPEND text "\n----\n\nParts of Debian's package ${package} are in the"
      " program. It says of their copyright:\n\n${copyright}")
  endif()
endforeach()
if(WEB_UI AND WEB_SPEEDSCOPE)
  string(APPEND text "\n----\n\nspeedscope is in the program. A lab that runs shows"
    " its licence at /lab/static/speedscope/LICENSE.\n")
endif()
file(WRITE ${CMAKE_BINARY_DIR}/generated/copyright "${text}")
