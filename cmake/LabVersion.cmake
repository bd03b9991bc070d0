# The version, in one place. LAB_VERSION is what `diaglab --version` and the
# packages say; LAB_EPOCH is the time of the commit, in seconds since 1970, which
# is the date of everything in the packages, so that two builds are the same.
#
#   the commit tagged v0.2.0    0.2.0
#   v0.2.0-rc1                  0.2.0~rc1
#   14 commits after it         0.2.0+14.g1a2b3c4
#   no tag yet                  0.1.0~20261129.g1a2b3c4, the project's version,
#                               and the date of the commit
#   an archive made by git      the same: git archive fills in archive_version.txt
#   neither                     0.1.0~unknown
#
# -DLAB_VERSION_IS=VERSION says it instead, where there is no git: an image is made
# by `--build-arg VERSION=...` (Containerfile). LAB_VERSION_NUMBER is what comes
# before ~ and +, for those who compare numbers.
# Debian's tools sort these in the order of time: what follows ~ is older, and
# what follows + is newer. A new commit or tag configures anew.
set(format "%(describe:tags=true,match=v[0-9]*,abbrev=7) %H %cs %ct")
set(LAB_VERSION ${PROJECT_VERSION}~unknown)
file(TIMESTAMP ${CMAKE_SOURCE_DIR}/CMakeLists.txt LAB_EPOCH "%s" UTC)

# run_git(VARIABLE ARGUMENT...): what git says of this tree; "" if it fails. The
# tree may be another user's: `sudo ./lab package`.
function(run_git variable)
  execute_process(
    COMMAND ${GIT_EXECUTABLE} -c safe.directory=${CMAKE_SOURCE_DIR} ${ARGN}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE out
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${variable} "${out}" PARENT_SCOPE)
endfunction()

file(READ ${CMAKE_CURRENT_LIST_DIR}/archive_version.txt commit)
find_package(Git QUIET)
if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  run_git(commit log -1 "--format=${format}")
  foreach(file logs/HEAD refs/tags packed-refs)
    run_git(path rev-parse --git-path ${file})
    get_filename_component(path "${path}" ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
    if(EXISTS ${path})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    endif()
  endforeach()
endif()

if(commit MATCHES
    "^(v([0-9.]+)(-[a-z]+[0-9]*)?(-([0-9]+)-(g[0-9a-f]+))?)? ([0-9a-f]+) ([0-9-]+) ([0-9]+)\n?$")
  set(LAB_EPOCH ${CMAKE_MATCH_9})
  if(CMAKE_MATCH_1)
    string(REPLACE "-" "~" early "${CMAKE_MATCH_3}")
    set(LAB_VERSION ${CMAKE_MATCH_2}${early})
    if(CMAKE_MATCH_4)
      string(APPEND LAB_VERSION +${CMAKE_MATCH_5}.${CMAKE_MATCH_6})
    endif()
  else()
    string(REPLACE "-" "" date ${CMAKE_MATCH_8})
    string(SUBSTRING ${CMAKE_MATCH_7} 0 7 commit)
    set(LAB_VERSION ${PROJECT_VERSION}~${date}.g${commit})
  endif()
endif()
if(LAB_VERSION_IS)
  set(LAB_VERSION ${LAB_VERSION_IS})
endif()
string(REGEX MATCH "^[0-9.]+" LAB_VERSION_NUMBER ${LAB_VERSION})

configure_file(${CMAKE_SOURCE_DIR}/cmake/lab_version.h.in
               ${CMAKE_BINARY_DIR}/generated/lab_version.h @ONLY)
