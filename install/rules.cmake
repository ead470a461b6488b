# What `cmake --install` puts where. install/install.sh and packages install what these rules lay out.
set(QH_CONF_FOLDER ${CMAKE_INSTALL_FULL_SYSCONFDIR}/libvirt/qemu-hook)
# Debian's zsh does not look into site-functions.
set(QH_ZSH_FOLDER site-functions)
if(EXISTS /etc/debian_version)
  set(QH_ZSH_FOLDER vendor-completions)
endif()
set(QH_ZSH_COMPLETIONS ${CMAKE_INSTALL_DATADIR}/zsh/${QH_ZSH_FOLDER} CACHE PATH "where zsh looks for completions")

install(TARGETS qemu-hook RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES ${QH_COMPLETIONS}/qemu-hook DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${QH_COMPLETIONS}/_qemu-hook DESTINATION ${QH_ZSH_COMPLETIONS})
install(FILES ${QH_COMPLETIONS}/qemu-hook.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES hook/cli/schema/check.schema.json hook/cli/schema/devices.schema.json hook/cli/schema/status.schema.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/qemu-hook)
# For `semodule -i`; does nothing where SELinux is off.
install(FILES install/selinux/qemu_hook.cil DESTINATION ${CMAKE_INSTALL_DATADIR}/qemu-hook)
install(FILES install/qemu-hook.catalog DESTINATION lib/systemd/catalog)
if(SCDOC)
  install(FILES ${QH_MANUAL}/qemu-hook.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
  install(FILES ${QH_MANUAL}/qemu-hook.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
endif()
install(FILES README.md CHANGELOG.md LICENSE SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES etc-libvirt/qemu-hook/guests/example.toml.sample DESTINATION ${QH_CONF_FOLDER}/guests)

# On a running system a host.toml is its user's and stays. Below DESTDIR it is a package's, which lists it as a conffile.
install(CODE "
  set(conf \"${QH_CONF_FOLDER}/host.toml\")
  if(NOT \"\$ENV{DESTDIR}\" STREQUAL \"\" OR NOT (EXISTS \"\${conf}\" OR IS_SYMLINK \"\${conf}\"))
    file(INSTALL DESTINATION \"${QH_CONF_FOLDER}\" TYPE FILE
         FILES \"${PROJECT_SOURCE_DIR}/etc-libvirt/qemu-hook/host.toml\")
  endif()")

# For a package, `cmake --install build --component hook`: the links that make the program libvirt's hook, and what the
# package's scripts call. Elsewhere install.sh makes the links, last of all, and only if the program runs.
install(PROGRAMS install/packaged DESTINATION ${CMAKE_INSTALL_DATADIR}/qemu-hook COMPONENT hook EXCLUDE_FROM_ALL)
install(FILES install/lib/common.sh install/lib/daemon.sh install/lib/link.sh install/lib/selinux.sh install/lib/uninstall.sh
        DESTINATION ${CMAKE_INSTALL_DATADIR}/qemu-hook/lib COMPONENT hook EXCLUDE_FROM_ALL)
install(CODE "
  set(program \"${CMAKE_INSTALL_SBINDIR}/qemu-hook\")
  cmake_path(ABSOLUTE_PATH program BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
  foreach(name qemu daemon)
    set(folder \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/libvirt/hooks/\${name}.d\")
    file(MAKE_DIRECTORY \"\${folder}\")
    file(CREATE_LINK \"\${program}\" \"\${folder}/50-qemu-hook\" SYMBOLIC)
  endforeach()" COMPONENT hook EXCLUDE_FROM_ALL)
