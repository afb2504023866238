# vcpkg.cmake - runs a port without vcpkg: cmake -DPORTFILE=... -DCURRENT_PACKAGES_DIR=... -P vcpkg.cmake
#
# Each function of vcpkg's that a port of a CMake project calls is here, with what it does on Linux for a debug build
# alone. A call of another one, or with an argument that is not here, is an error.
set(PORT libadamw)
set(build "${CURRENT_PACKAGES_DIR}-build")

macro(arguments_of options lists)
    cmake_parse_arguments(arg "" "${options}" "${lists}" ${ARGN})
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "not an argument of the function: ${arg_UNPARSED_ARGUMENTS}")
    endif()
endmacro()

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_check_features)
    arguments_of("OUT_FEATURE_OPTIONS" "FEATURES" ${ARGN})
    list(GET arg_FEATURES 1 option)
    set(${arg_OUT_FEATURE_OPTIONS} "-D${option}=OFF" PARENT_SCOPE)
endfunction()

function(vcpkg_cmake_configure)
    arguments_of("SOURCE_PATH" "OPTIONS" ${ARGN})
    run(${CMAKE_COMMAND} -S "${arg_SOURCE_PATH}" -B "${build}" -DBUILD_SHARED_LIBS=OFF -DCMAKE_BUILD_TYPE=Debug
        "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" ${arg_OPTIONS})
endfunction()

function(vcpkg_cmake_install)
    run(${CMAKE_COMMAND} --build "${build}" -j2 --target install)
endfunction()

function(vcpkg_cmake_config_fixup)
    arguments_of("PACKAGE_NAME;CONFIG_PATH" "" ${ARGN})
    if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/${arg_PACKAGE_NAME}-config.cmake")
        message(FATAL_ERROR "there is no ${arg_PACKAGE_NAME}-config.cmake in ${arg_CONFIG_PATH}")
    endif()
endfunction()

function(vcpkg_fixup_pkgconfig)
    file(GLOB found "${CURRENT_PACKAGES_DIR}/lib/pkgconfig/*.pc")
    if(NOT found)
        message(FATAL_ERROR "no file of pkg-config was installed")
    endif()
endfunction()

function(vcpkg_install_copyright)
    arguments_of("" "FILE_LIST" ${ARGN})
    file(INSTALL ${arg_FILE_LIST} DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}" RENAME copyright)
endfunction()

include("${PORTFILE}")
