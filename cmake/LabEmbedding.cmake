# What a program needs that has a lab in it, and what a primitive's file needs
# (docs/embedding.md): headers, one archive of all modules, diaglab.pc and the
# CMake package. They say the same: how to link is written down once, as options
# of lab_vm. It is the component `dev`.
#
# Both find themselves by their own place, so the tree can be moved.

# All modules as one archive. Two objects in it may have the same name; linkers
# don't mind.
set(objects)
foreach(module ${LAB_MODULES})
  list(APPEND objects $<TARGET_OBJECTS:lab_${module}>)
endforeach()
if(NOT LLHTTP_STATIC_LIBRARY) # built from its sources, as a module
  list(APPEND objects $<TARGET_OBJECTS:llhttp>)
endif()
add_library(diaglab_archive STATIC ${objects})
set_target_properties(diaglab_archive PROPERTIES OUTPUT_NAME diaglab
  LINKER_LANGUAGE C)
add_dependencies(diaglab diaglab_archive) # whoever builds it may install all

# ---- how to link ---------------------------------------------------------------
get_target_property(LAB_LINK_OPTIONS lab_vm INTERFACE_LINK_OPTIONS)
list(APPEND LAB_LINK_OPTIONS -Wl,--build-id)
if(LAB_SANITIZE)
  list(APPEND LAB_LINK_OPTIONS -fsanitize=${LAB_SANITIZE})
endif()
if(LAB_COVERAGE)
  list(APPEND LAB_LINK_OPTIONS --coverage)
endif()

# lab_link_words(VARIABLE LIBRARY...): as a linker takes them. An archive that
# lies where the linker looks anyway is named without its folder.
function(lab_link_words variable)
  set(words)
  foreach(library ${ARGN})
    get_filename_component(folder "${library}" DIRECTORY)
    get_filename_component(name "${library}" NAME)
    if(NOT folder)
      list(APPEND words -l${library})
    elseif(folder IN_LIST CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
      list(APPEND words -l:${name})
    else()
      list(APPEND words ${library})
    endif()
  endforeach()
  set(${variable} ${words} PARENT_SCOPE)
endfunction()
set(libraries)
foreach(target lab_lua lab_uv lab_zlib lab_jemalloc)
  if(TARGET ${target})
    get_target_property(words ${target} INTERFACE_LINK_LIBRARIES)
    foreach(word ${words})
      if(TARGET ${word}) # there is no archive, so it is a shared library
        get_target_property(shared ${word} INTERFACE_LINK_LIBRARIES)
        if(NOT shared)
          get_target_property(shared ${word} IMPORTED_LOCATION)
        endif()
        set(word ${shared})
      endif()
      list(APPEND libraries ${word})
    endforeach()
  endif()
endforeach()
if(LLHTTP_STATIC_LIBRARY)
  list(APPEND libraries ${LLHTTP_STATIC_LIBRARY})
endif()
list(REMOVE_DUPLICATES libraries)
list(REMOVE_ITEM libraries m dl pthread)
list(APPEND libraries m dl pthread)
lab_link_words(LAB_LINK_LIBRARIES ${libraries})

# ---- the two descriptions --------------------------------------------------------
set(LAB_LUA_INCLUDE_DIR ${LUA_INCLUDE_DIRS})
list(JOIN LAB_LINK_OPTIONS " " LAB_PC_OPTIONS)
list(JOIN LAB_LINK_LIBRARIES " " LAB_PC_LIBRARIES)
set(packages ${CMAKE_INSTALL_LIBDIR}/cmake/diaglab)
file(RELATIVE_PATH LAB_PC_TO_PREFIX
  /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" LAB_PC_TO_PREFIX ${LAB_PC_TO_PREFIX})
configure_file(${CMAKE_SOURCE_DIR}/cmake/diaglab.pc.in
               ${CMAKE_BINARY_DIR}/generated/diaglab.pc @ONLY)

include(CMakePackageConfigHelpers)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/diaglabConfig.cmake.in
  ${CMAKE_BINARY_DIR}/generated/diaglabConfig.cmake
  INSTALL_DESTINATION ${packages} PATH_VARS CMAKE_INSTALL_INCLUDEDIR
    CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_DATAROOTDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(
  ${CMAKE_BINARY_DIR}/generated/diaglabConfigVersion.cmake
  VERSION ${LAB_VERSION_NUMBER} COMPATIBILITY SameMinorVersion)

# ---- the component -----------------------------------------------------------------
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/diaglab COMPONENT dev
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
# A primitive needs no more than these, so the packages have them.
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/diaglab COMPONENT headers
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} EXCLUDE_FROM_ALL
  FILES_MATCHING PATTERN "*.h")
install(TARGETS diaglab_archive ARCHIVE COMPONENT dev
  DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/generated/diaglab.pc COMPONENT dev
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/generated/diaglabConfig.cmake
  ${CMAKE_BINARY_DIR}/generated/diaglabConfigVersion.cmake COMPONENT dev
  DESTINATION ${packages})
