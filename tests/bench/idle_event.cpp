// What an event that needs nothing costs, against an empty dynamically linked C program: paired runs, CPU
// time of the whole process (user + system) as the kernel counts it, median of the ratios.
//   idle-event PROGRAM-AS-"qemu" EMPTY-PROGRAM [PAIRS]
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

struct Cost {
  double cpu_us = 0;
  long peak_kib = 0;
};

Cost run(const std::vector<const char*>& argv, const char* input) {
  const int pid = ::fork();
  if (pid == 0) {
    const int in = ::open(input, O_RDONLY);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(in, 0);
    ::dup2(null, 1);
    ::execv(argv[0], const_cast<char**>(argv.data()));
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "%s failed\n", argv[0]);
    std::exit(1);
  }
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return {us(usage.ru_utime) + us(usage.ru_stime), usage.ru_maxrss};
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(const char* what, const std::vector<const char*>& argv, const char* input, const char* empty,
             int pairs) {
  std::vector<double> ours, theirs, ratios;
  long peak = 0;
  for (int i = 0; i < pairs; ++i) {
    const Cost a = run(argv, input), b = run({empty, nullptr}, "/dev/null");
    ours.push_back(a.cpu_us);
    theirs.push_back(b.cpu_us);
    ratios.push_back(a.cpu_us / b.cpu_us);
    peak = std::max(peak, a.peak_kib);
  }
  std::printf("%-44s %6.0f us CPU, empty program %6.0f us, ratio %.2f, peak %ld KiB\n", what, median(ours),
              median(theirs), median(ratios), peak);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: idle-event QEMU-LINK EMPTY-PROGRAM DOMAIN.XML [PAIRS]\n");
    return 2;
  }
  const int pairs = argc > 4 ? std::atoi(argv[4]) : 500;
  run({argv[1], "bench", "started", "begin", "-", nullptr}, "/dev/null");  // warm the page cache
  compare("event that needs nothing (started)", {argv[1], "bench", "started", "begin", "-", nullptr},
          "/dev/null", argv[2], pairs);
  compare("release of a guest without devices", {argv[1], "bench", "release", "end", "-", nullptr}, argv[3],
          argv[2], pairs);
  compare("prepare of a guest without host devices", {argv[1], "bench", "prepare", "begin", "-", nullptr},
          argv[3], argv[2], pairs);
}
