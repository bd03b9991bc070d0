# lab_fetch_speedscope(VARIABLE FOLDER): VARIABLE is the folder in which the build
# will have speedscope as npm's package has it, by FOLDER/package-lock.json, which
# names its hash. What isn't needed to show a profile of the lab is left out.
#
# The file is also the script that takes the files: cmake -P runs its upper half.
if(CMAKE_SCRIPT_MODE_FILE)
  set(package ${FOLDER}/node_modules/speedscope)
  file(GLOB files ${package}/dist/release/index.html
    ${package}/dist/release/speedscope-*.js ${package}/dist/release/*.css
    ${package}/dist/release/*.png ${package}/dist/release/*.ico
    ${package}/dist/release/*.woff2
    ${package}/dist/release/source-code-pro.LICENSE.md ${package}/LICENSE)
  list(LENGTH files n)
  if(n LESS 8)
    message(FATAL_ERROR "speedscope's package has other files than expected")
  endif()
  file(REMOVE_RECURSE ${FOLDER}/speedscope)
  file(COPY ${files} DESTINATION ${FOLDER}/speedscope)
  return()
endif()

set(LAB_SPEEDSCOPE_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(lab_fetch_speedscope variable folder)
  find_program(LAB_NPM npm)
  if(NOT LAB_NPM)
    message(FATAL_ERROR "WEB_SPEEDSCOPE=ON needs npm; there is none")
  endif()
  set(fetched ${CMAKE_BINARY_DIR}/npm)
  add_custom_command(OUTPUT ${fetched}/speedscope/index.html
    COMMAND ${CMAKE_COMMAND} -E make_directory ${fetched}
    COMMAND ${CMAKE_COMMAND} -E copy ${folder}/package.json
            ${folder}/package-lock.json ${fetched}
    COMMAND ${CMAKE_COMMAND} -E chdir ${fetched} ${LAB_NPM} ci --ignore-scripts
            --no-audit --no-fund
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${fetched} -P ${LAB_SPEEDSCOPE_SCRIPT}
    COMMAND ${CMAKE_COMMAND} -E touch ${fetched}/speedscope/index.html
    DEPENDS ${folder}/package-lock.json ${LAB_SPEEDSCOPE_SCRIPT}
    COMMENT "Fetching speedscope" VERBATIM)
  set(${variable} ${fetched}/speedscope PARENT_SCOPE)
endfunction()
