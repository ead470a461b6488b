# nix-build -E '(import <nixpkgs> {}).callPackage install/nix/default.nix {}'
{
  lib,
  stdenv,
  cmake,
  libvirt,
  nlohmann_json,
  pkg-config,
  pugixml,
  scdoc,
  tl-expected,
  tomlplusplus,
}:

stdenv.mkDerivation {
  pname = "qemu-hook";
  version = "0.1.0";
  src = lib.cleanSource ../..;

  nativeBuildInputs = [
    cmake
    pkg-config
    scdoc
  ];
  buildInputs = [
    libvirt
    nlohmann_json
    pugixml
    tl-expected
    tomlplusplus
  ];
  cmakeFlags = [
    "-DQH_TESTS=OFF"
    "-DCMAKE_UNITY_BUILD=ON"
    "-DCMAKE_INSTALL_SYSCONFDIR=${placeholder "out"}/etc"
  ];
  # It loads the library by name, when a device is to be moved.
  postFixup = ''
    patchelf --add-rpath ${lib.getLib libvirt}/lib $out/bin/qemu-hook
  '';

  meta = {
    description = "Hands PCI devices of the host to libvirt guests, and takes them back";
    license = lib.licenses.mit;
    mainProgram = "qemu-hook";
    platforms = lib.platforms.linux;
  };
}
