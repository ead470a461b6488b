# For a NixOS host: imports = [ .../install/nix/module.nix ]; services.qemu-hook.enable = true;
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.services.qemu-hook;
in
{
  options.services.qemu-hook = {
    enable = lib.mkEnableOption "qemu-hook as libvirt's hook for guests with PCI devices of the host";
    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.callPackage ./default.nix { };
      description = "The package with the program.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    # NixOS links each of these into hooks/NAME.d and empties that folder at each start of libvirtd.
    virtualisation.libvirtd.hooks = {
      qemu."50-qemu-hook" = "${cfg.package}/bin/qemu-hook";
      daemon."50-qemu-hook" = "${cfg.package}/bin/qemu-hook";
    };
    # `qemu-hook --setup` writes guests' confs here.
    systemd.tmpfiles.rules = [ "d /etc/libvirt/qemu-hook/guests 0755 root root -" ];
  };
}
