# Run by cpack when it has installed the program into a folder of its own: makes
# the tar.xz of that. cpack's own tars have the files in the order of the disk,
# and the owner who has built them, so no two of them are the same.
set(name ${CPACK_PACKAGE_FILE_NAME})
set(file ${CPACK_TOPLEVEL_DIRECTORY}/${name}.tar.xz)
execute_process(
  COMMAND tar -C ${CPACK_TEMPORARY_DIRECTORY} --sort=name --format=gnu
    --owner=root:0 --group=root:0 --mode=u+rwX,go+rX,go-w
    --mtime=@$ENV{SOURCE_DATE_EPOCH} --transform=s,^[.],${name}, -cf - .
  COMMAND xz -6 -T1
  OUTPUT_FILE ${file} COMMAND_ERROR_IS_FATAL ANY)
set(CPACK_EXTERNAL_BUILT_PACKAGES ${file})
