# What is installed where. The program finds its files by the way from itself,
# PREFIX/bin/diaglab, to PREFIX/share/diaglab (src/base/paths.c), so an installed
# tree can be moved. share/diaglab has the folders that the source tree has, so
# that the links between its documents lead somewhere.
#
# Some things have a component, because not everybody wants them there:
#   local    `cmake --install`, into a prefix that is known then
#   debian   the Debian package (LabPackage.cmake): the prefix is /usr
#   archive  the tar.xz: the prefix is wherever it is unpacked
#   headers  the headers, in the packages; dev: these, and the library to embed a
#            lab (LabEmbedding.cmake), by `cmake --install` only
# Everything else is for all three; so is what has no component.
set(data ${CMAKE_INSTALL_DATAROOTDIR}/diaglab)

# Never stripped: .symtab is where profiles find the names of functions.
install(TARGETS diaglab)
install(DIRECTORY scenarios docs DESTINATION ${data} PATTERN diaglab.1 EXCLUDE)
install(DIRECTORY lua DESTINATION ${data}) # with types, for editors
install(FILES README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE
  DESTINATION ${data})
install(DIRECTORY tools/containers DESTINATION ${data}/tools)
# What docs/primitive.md and docs/embedding.md refer to.
install(DIRECTORY include DESTINATION ${data})
install(DIRECTORY tests/primitive tests/embed DESTINATION ${data}/tests)
install(FILES tools/gdb/diaglab-gdb.py DESTINATION ${data}/tools/gdb)
install(FILES tools/completion/diaglab.bash RENAME diaglab
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions)
install(FILES tools/completion/diaglab.fish
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d)

# The licences of the program and of all that is linked into it.
include(LabCopyright)
install(FILES ${CMAKE_BINARY_DIR}/generated/copyright
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/diaglab)

foreach(component local archive)
  set(rest)
  if(component STREQUAL archive)
    set(rest EXCLUDE_FROM_ALL)
  endif()
  install(FILES tools/completion/_diaglab COMPONENT ${component} ${rest}
    DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/site-functions)
  install(FILES docs/diaglab.1 COMPONENT ${component} ${rest}
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endforeach()

# gdb looks for a program's script beside the program, and below this folder,
# which it trusts, at the program's whole path. The latter is right only if the
# prefix is.
install(CODE "file(INSTALL TYPE FILE
  FILES \"${CMAKE_SOURCE_DIR}/tools/gdb/diaglab-gdb.py\" DESTINATION
  \"\${CMAKE_INSTALL_PREFIX}/share/gdb/auto-load\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")"
  COMPONENT local)
install(FILES tools/gdb/diaglab-gdb.py DESTINATION ${CMAKE_INSTALL_BINDIR}
  COMPONENT archive EXCLUDE_FROM_ALL)
