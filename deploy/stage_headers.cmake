# Copyright 2026 The percpud Authors
# SPDX-License-Identifier: Apache-2.0
#
# cmake -DSOURCE_DIR=... -DOUTPUT_DIR=... -P stage_headers.cmake
#
# Lays out the headers that are installed: percpu/*.h, and below percpu/internal/
# no more than what those include. Headers of other folders move there, and the
# includes of them are rewritten, so that the project's own folders stay off its
# users' include paths. Fails if a public header reaches what must stay inside.

cmake_minimum_required(VERSION 3.25)

# Where an include leads in the sources, and where in the installation.
function(locate include source_var installed_var)
  set(source "")
  if(include MATCHES "^percpu/")
    set(source client/sdk/${include})
    set(installed ${include})
  elseif(include MATCHES "^server/(rseq|cells)/(.*)$")
    set(source ${include})
    set(installed percpu/internal/${CMAKE_MATCH_1}/${CMAKE_MATCH_2})
  elseif(include MATCHES "^proto/percpud/abi/v1/(.*)$")
    set(source ${include})
    set(installed percpu/internal/abi/${CMAKE_MATCH_1})
  elseif(include MATCHES "^(client/c/)?(percpud[a-z_]*\\.h)$")
    # The C library's headers name each other without a folder.
    set(source client/c/${CMAKE_MATCH_2})
    set(installed percpu/internal/c/${CMAKE_MATCH_2})
  endif()
  set(${source_var} "${source}" PARENT_SCOPE)
  set(${installed_var} "${installed}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${OUTPUT_DIR})
file(GLOB pending RELATIVE ${SOURCE_DIR}/client/sdk ${SOURCE_DIR}/client/sdk/percpu/*.h)
set(seen ${pending})
while(pending)
  list(POP_FRONT pending header)
  locate(${header} source installed)
  file(READ ${SOURCE_DIR}/${source} text)
  file(STRINGS ${SOURCE_DIR}/${source} lines REGEX "^[ \t]*#[ \t]*include \"")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^[ \t]*#[ \t]*include \"([^\"]+)\".*$" "\\1" include "${line}")
    if(include MATCHES "^absl/")
      continue()
    endif()
    locate(${include} inner_source inner_installed)
    if(NOT inner_source)
      message(FATAL_ERROR "${source} is installed and includes ${include}, which is not")
    endif()
    string(REPLACE "\"${include}\"" "\"${inner_installed}\"" text "${text}")
    if(NOT include IN_LIST seen)
      list(APPEND seen ${include})
      list(APPEND pending ${include})
    endif()
  endforeach()
  file(WRITE ${OUTPUT_DIR}/${installed} "${text}")
endwhile()
