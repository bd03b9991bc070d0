# generated/lab_version.h: LAB_VERSION, "0.1.0" for the commit tagged v0.1.0,
# else "0.1.0-1a2b3c4", or the project's version where there is no git. A new
# commit configures anew.
set(LAB_VERSION ${PROJECT_VERSION})
find_package(Git QUIET)
if(GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(
    COMMAND ${GIT_EXECUTABLE} describe --tags --exact-match --match v${PROJECT_VERSION}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} RESULT_VARIABLE untagged
    OUTPUT_QUIET ERROR_QUIET)
  execute_process(
    COMMAND ${GIT_EXECUTABLE} rev-parse --short HEAD
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(untagged AND commit)
    string(APPEND LAB_VERSION -${commit})
  endif()
  if(EXISTS ${CMAKE_SOURCE_DIR}/.git/logs/HEAD)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
      ${CMAKE_SOURCE_DIR}/.git/logs/HEAD)
  endif()
endif()

configure_file(${CMAKE_SOURCE_DIR}/cmake/lab_version.h.in
               ${CMAKE_BINARY_DIR}/generated/lab_version.h @ONLY)
