# The packages, made by cpack: a Debian package, and an archive that runs where it
# is unpacked. docs/packages.md describes them; `./lab package` makes them.
set(package ${CMAKE_SOURCE_DIR}/tools/package)
set(made ${CMAKE_BINARY_DIR}/generated)

# ---- what only Debian's package has -------------------------------------------
# lab_install_for_debian(FOLDER FILE...) FOLDER is below /usr.
function(lab_install_for_debian folder)
  install(FILES ${ARGN} DESTINATION ${folder} COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()
# lab_compress(FILE): as Debian wants it, into the folder `made`.
function(lab_compress file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  get_filename_component(name ${file} NAME)
  execute_process(COMMAND gzip -9nc ${file} OUTPUT_FILE ${made}/${name}.gz)
endfunction()

lab_install_for_debian(share/gdb/auto-load/usr/bin tools/gdb/diaglab-gdb.py)
lab_install_for_debian(share/zsh/vendor-completions tools/completion/_diaglab)
lab_install_for_debian(lib/systemd/system ${package}/diaglab.service)
lab_compress(${CMAKE_SOURCE_DIR}/docs/diaglab.1)
lab_install_for_debian(share/man/man1 ${made}/diaglab.1.gz)
install(FILES ${package}/lintian-overrides DESTINATION share/lintian/overrides
  RENAME diaglab COMPONENT debian EXCLUDE_FROM_ALL)

# Documents are where the exercises link to them. Debian's users look for them
# elsewhere.
file(MAKE_DIRECTORY ${made}/links)
foreach(name README.md docs)
  file(CREATE_LINK ../../diaglab/${name} ${made}/links/${name} SYMBOLIC)
  lab_install_for_debian(share/doc/diaglab ${made}/links/${name})
endforeach()

# Debian 12's package and Debian 13's differ in what they need, so their versions
# do, too, and the one for 13 is the newer one.
set(release)
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release release REGEX "^(ID|VERSION_ID)=")
endif()
set(LAB_DEBIAN_REVISION 1)
if(release MATCHES "(^|;)ID=\"?([a-z]+)")
  set(name ${CMAKE_MATCH_2})
  if(release MATCHES "VERSION_ID=\"?([0-9.]+)")
    string(REPLACE "debian" "deb" name ${name})
    set(LAB_DEBIAN_REVISION 1~${name}${CMAKE_MATCH_1})
  endif()
endif()

# Debian's tools want a changelog in their form. Ours is that of git.
set(LAB_CONTACT "the diaglab authors <diaglab@users.noreply.example.org>"
  CACHE STRING "Who answers for the packages: a name and an address")
set(CPACK_PACKAGE_CONTACT "${LAB_CONTACT}")
find_program(LAB_DATE date)
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C
  ${LAB_DATE} -u -R -d @${LAB_EPOCH} OUTPUT_VARIABLE date
  OUTPUT_STRIP_TRAILING_WHITESPACE)
file(WRITE ${made}/changelog.Debian
  "diaglab (${LAB_VERSION}-${LAB_DEBIAN_REVISION}) unstable; urgency=medium\n\n"
  "  * This is diaglab ${LAB_VERSION}.\n\n"
  " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
lab_compress(${made}/changelog.Debian)
lab_install_for_debian(share/doc/diaglab ${made}/changelog.Debian.gz)

# cpack makes folders by the umask of who runs it: ./lab package sets it.
# ---- both ----------------------------------------------------------------------
set(CPACK_PACKAGE_NAME diaglab)
set(CPACK_PACKAGE_VERSION ${LAB_VERSION})
set(CPACK_PACKAGE_VENDOR "the diaglab authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
  "hands-on lab for learning to diagnose running programs")
set(CPACK_PACKAGE_DESCRIPTION_FILE ${package}/description)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES OFF) # see LabInstall.cmake
set(CPACK_GENERATOR DEB External)
set(CPACK_THREADS 1) # more than one may change the bytes that xz writes
set(CPACK_PROJECT_CONFIG_FILE ${made}/package_kind.cmake)
configure_file(${CMAKE_SOURCE_DIR}/cmake/package_kind.cmake.in
  ${CPACK_PROJECT_CONFIG_FILE} @ONLY)

# ---- Debian --------------------------------------------------------------------
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${LAB_DEBIAN_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION education)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${package}/postinst ${package}/prerm
    ${package}/postrm)
# dpkg-shlibdeps finds the libraries that are linked. libdw is loaded later.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
lab_debian_package(libdw "*/libdw.so.1")
set(CPACK_DEBIAN_PACKAGE_DEPENDS ${libdw})
# The tools of the handbook: what every chapter needs comes with the package,
# unless somebody says --no-install-recommends; what one chapter needs doesn't.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS
  "curl, gdb, golang-go, graphviz, iproute2, lsof, procps, strace")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
  "apache2-utils | wrk, bpftrace, gcc, google-perftools, libdevel-nytprof-perl, liblua5.4-dev, linux-perf, prometheus")
include(CPack)
