#include "host/open_devices.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>

#include "core/contains.h"
#include "host/file.h"
#include "host/library.h"

namespace qh::host {
namespace {

struct Api {
  decltype(&libbpf_set_print) set_print = nullptr;
  decltype(&btf__load_vmlinux_btf) load_types = nullptr;
  decltype(&btf__free) free_types = nullptr;
  decltype(&btf__find_by_name_kind) find_type = nullptr;
  decltype(&btf__type_by_id) type = nullptr;
  decltype(&btf__name_by_offset) name = nullptr;
  decltype(&bpf_prog_load) load_program = nullptr;
  decltype(&bpf_link_create) create_link = nullptr;
  decltype(&bpf_iter_create) create_iterator = nullptr;

  static Result<Api> load() {
    Library library("libbpf.so.1");
    Api api;
    library.find("libbpf_set_print", api.set_print);
    library.find("btf__load_vmlinux_btf", api.load_types);
    library.find("btf__free", api.free_types);
    library.find("btf__find_by_name_kind", api.find_type);
    library.find("btf__type_by_id", api.type);
    library.find("btf__name_by_offset", api.name);
    library.find("bpf_prog_load", api.load_program);
    library.find("bpf_link_create", api.create_link);
    library.find("bpf_iter_create", api.create_iterator);
    return library.give(api, "libbpf");
  }
};

// Where the running kernel's structures have their members: its own description says so (BTF). Remembers the
// first name that it does not know.
class Types {
 public:
  explicit Types(const Api& api) : api_(api), types_(api.load_types()) {
    if (types_ == nullptr) missing_ = "/sys/kernel/btf/vmlinux";
  }
  ~Types() {
    if (types_ != nullptr) api_.free_types(types_);
  }
  Types(const Types&) = delete;
  Types& operator=(const Types&) = delete;

  std::uint32_t function(const char* name) { return static_cast<std::uint32_t>(find(name, BTF_KIND_FUNC)); }

  // In bytes.
  short offset(const char* structure, const char* member) {
    const int id = find(structure, BTF_KIND_STRUCT);
    if (id == 0) return 0;
    const btf_type* type = api_.type(types_, static_cast<std::uint32_t>(id));
    for (std::uint32_t i = 0; i < btf_vlen(type); ++i)
      if (std::strcmp(api_.name(types_, btf_members(type)[i].name_off), member) == 0)
        return static_cast<short>(btf_member_bit_offset(type, i) / 8);
    missing_ = std::string(structure) + "." + member;
    return 0;
  }

  const std::string& missing() const { return missing_; }

 private:
  int find(const char* name, std::uint32_t kind) {
    const int id = missing_.empty() ? api_.find_type(types_, name, kind) : 0;
    if (id > 0) return id;
    if (missing_.empty()) missing_ = name;
    return 0;
  }

  const Api& api_;
  btf* types_;
  std::string missing_;
};

// What a program notes of each character device.
struct Record {
  std::uint32_t device;  // as the kernel keeps it: the major number above 20 bits of the minor one
  std::uint32_t pid;
};

// The instructions of a program, linux/bpf.h's, one after the other.
class Program {
 public:
  void load(int size, int to, int from, short offset) { add(BPF_LDX | BPF_MEM | size, to, from, offset, 0); }
  void store(int size, int to, short offset, int from) { add(BPF_STX | BPF_MEM | size, to, from, offset, 0); }
  void copy(int to, int from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void set(int to, int value) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void compute(int operation, int to, int value) { add(BPF_ALU64 | operation | BPF_K, to, 0, 0, value); }
  void call(int function) { add(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
  void leave_if(int condition, int what, int value) {
    leaving_.push_back(code_.size());
    add(BPF_JMP | condition | BPF_K, what, 0, 0, value);
  }
  const std::vector<bpf_insn>& finish() {
    for (const std::size_t jump : leaving_) code_[jump].off = static_cast<short>(code_.size() - jump - 1);
    set(BPF_REG_0, 0);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    return code_;
  }

 private:
  void add(int code, int to, int from, short offset, int value) {
    bpf_insn instruction{};
    instruction.code = static_cast<std::uint8_t>(code);
    instruction.dst_reg = static_cast<std::uint8_t>(to & 0xf);
    instruction.src_reg = static_cast<std::uint8_t>(from & 0xf);
    instruction.off = offset;
    instruction.imm = value;
    code_.push_back(instruction);
  }
  std::vector<bpf_insn> code_;
  std::vector<std::size_t> leaving_;
};

// Runs for each open file, or each mapping, of each process. Its argument has pointers to what it is about, 8
// bytes each, at places that do not change: the iteration, the task, and (after the descriptor's number, for
// files) the file or the mapping (struct bpf_iter__task_file in kernel/bpf/task_iter.c).
Program program(Types& types, bool mappings) {
  constexpr int argument = BPF_REG_6, task = BPF_REG_2, file = BPF_REG_3, inode = BPF_REG_4,
                value = BPF_REG_5;
  constexpr int record = -static_cast<int>(sizeof(Record));  // below the frame's end
  constexpr short device = record + static_cast<int>(offsetof(Record, device)),
                  pid = record + static_cast<int>(offsetof(Record, pid));
  Program p;
  p.copy(argument, BPF_REG_1);
  p.load(BPF_DW, task, argument, 8);
  p.leave_if(BPF_JEQ, task, 0);
  p.load(BPF_DW, file, argument, mappings ? 16 : 24);
  p.leave_if(BPF_JEQ, file, 0);
  if (mappings) {
    p.load(BPF_DW, file, file, types.offset("vm_area_struct", "vm_file"));
    p.leave_if(BPF_JEQ, file, 0);
  }
  p.load(BPF_DW, inode, file, types.offset("file", "f_inode"));
  p.leave_if(BPF_JEQ, inode, 0);
  p.load(BPF_H, value, inode, types.offset("inode", "i_mode"));
  p.compute(BPF_AND, value, S_IFMT);
  p.leave_if(BPF_JNE, value, S_IFCHR);
  p.load(BPF_W, value, inode, types.offset("inode", "i_rdev"));
  p.store(BPF_W, BPF_REG_10, device, value);
  p.load(BPF_W, value, task, types.offset("task_struct", "tgid"));
  p.store(BPF_W, BPF_REG_10, pid, value);
  p.load(BPF_DW, BPF_REG_1, argument, 0);
  p.load(BPF_DW, BPF_REG_1, BPF_REG_1, 0);  // the output, first in struct bpf_iter_meta
  p.copy(BPF_REG_2, BPF_REG_10);
  p.compute(BPF_ADD, BPF_REG_2, record);
  p.set(BPF_REG_3, sizeof(Record));
  p.call(BPF_FUNC_seq_write);
  return p;
}

tl::unexpected<Error> failed(const std::string& what) {
  const int error_number = errno;
  return fail(ErrorKind::unavailable, what + ": " + std::strerror(error_number));
}

Result<void> run(const Api& api, Types& types, bool mappings, std::vector<OpenDevice>& out) {
  Program p = program(types, mappings);
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.expected_attach_type = BPF_TRACE_ITER;
  options.attach_btf_id = types.function(mappings ? "bpf_iter_task_vma" : "bpf_iter_task_file");
  if (!types.missing().empty())
    return fail(ErrorKind::unavailable, "the kernel does not describe " + types.missing());
  const auto& code = p.finish();
  // Only programs under the GPL may call the helper that writes to the output.
  const Fd loaded(
      api.load_program(BPF_PROG_TYPE_TRACING, "open_devices", "GPL", code.data(), code.size(), &options));
  if (!loaded) return failed("the kernel does not take the program");
  const Fd link(api.create_link(loaded.get(), 0, BPF_TRACE_ITER, nullptr));
  if (!link) return failed("the kernel does not attach the program");
  const Fd iterator(api.create_iterator(link.get()));
  if (!iterator) return failed("the kernel does not start the program");
  std::array<Record, 4096> records;
  for (;;) {
    const ssize_t n = ::read(iterator.get(), records.data(), sizeof records);
    if (n == 0) return {};
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return failed("the kernel's answer cannot be read");
    for (const Record& r : std::span(records).first(static_cast<std::size_t>(n) / sizeof(Record)))
      out.push_back({static_cast<int>(r.pid), r.device >> 20U, r.device & 0xfffffU, mappings});
  }
}

// Before Linux 6.2 the kernel can crash if a process ends while its mappings are gone through (mended by
// "bpf: keep a reference to the mm, in case the task is dead", which some older kernels got too; their
// release does not tell).
bool is_safe_here() {
  utsname kernel{};
  int major = 0, minor = 0;
  return ::uname(&kernel) == 0 && std::sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 2));
}

}  // namespace

Result<std::vector<OpenDevice>> open_devices() {
  if (!is_safe_here()) return fail(ErrorKind::unavailable, "the kernel is older than 6.2");
  const auto api = Api::load();
  if (!api) return fail(api.error());
  api->set_print(nullptr);  // it would print its trouble to stderr
  // What this process has, to be found again: /dev/null open, /dev/zero mapped.
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  void* const page = ::mmap(nullptr, 1, PROT_READ, MAP_PRIVATE, zero.get(), 0);
  if (!null || page == MAP_FAILED) return failed("/dev/null and /dev/zero");

  std::vector<OpenDevice> all;
  Types types(*api);
  auto ran = run(*api, types, false, all);
  if (ran) ran = run(*api, types, true, all);
  ::munmap(page, 1);
  if (!ran) return fail(ran.error());
  for (const OpenDevice& mine : {OpenDevice{::getpid(), 1, 3, false}, OpenDevice{::getpid(), 1, 5, true}})
    if (!contains(all, mine))
      return fail(ErrorKind::unavailable, "the kernel's answer does not have this process in it");
  std::erase_if(all, [](const OpenDevice& open) { return open.pid == ::getpid(); });
  return all;
}

}  // namespace qh::host
