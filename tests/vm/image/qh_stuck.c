// SPDX-License-Identifier: GPL-2.0
// What a broken driver or device does to the kernel, on request, through /sys/module/qh_stuck/parameters:
//
//   hold     "console"          keeps console_lock(), as a text console does whose unbind never ends
//            "config ADDRESS"   keeps users from the function's configuration space
//            "device ADDRESS"   keeps the function's device lock, as a driver does that never ends its probe or remove
//            "reset ADDRESS"    both, as pci_reset_function() does until the reset is through
//            "power ADDRESS"    the function is for ever about to wake up from D3
//            "nothing"          ends that. Read, it tells what is held now.
//   edu      1, at load only: be the driver of QEMU's edu device
//   let_go   0: that driver's remove() does not return. As with a graphics card in use, its node /dev/qh_stuck goes first,
//            and who has it open keeps it.
//   let_in   0: its probe() does not return
#include <linux/console.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sched.h>

static bool edu, let_go, let_in = true;
module_param(edu, bool, 0444);
module_param(let_go, bool, 0644);
module_param(let_in, bool, 0644);

// A mutex is unlocked by the thread that has locked it, so each hold has a thread, which waits for its lock as anybody does.
static struct task_struct *holder;
static char what[16], held[40] = "nothing";
static struct pci_dev *function;

static void set_power(enum rpm_status status)
{
	spin_lock_irq(&function->dev.power.lock);
	function->dev.power.runtime_status = status;
	spin_unlock_irq(&function->dev.power.lock);
	wake_up_all(&function->dev.power.wait_queue);
}

static int hold_until_stopped(void *unused)
{
	bool reset = !strcmp(what, "reset");
	bool device = reset || !strcmp(what, "device");
	bool config = reset || !strcmp(what, "config");
	bool console = !strcmp(what, "console");
	bool power = !strcmp(what, "power");
	enum rpm_status status = RPM_ACTIVE;

	if (console)
		console_lock();
	if (device)
		device_lock(&function->dev);
	if (config)
		pci_cfg_access_lock(function);
	if (power) {
		status = function->dev.power.runtime_status;
		set_power(RPM_RESUMING);
	}
	snprintf(held, sizeof(held), "%s %s", what, function ? pci_name(function) : "");

	while (!kthread_should_stop())
		schedule_timeout_idle(HZ / 10);

	strscpy(held, "nothing", sizeof(held));
	if (power)
		set_power(status);
	if (config)
		pci_cfg_access_unlock(function);
	if (device)
		device_unlock(&function->dev);
	if (console)
		console_unlock();
	return 0;
}

static void end_hold(void)
{
	if (holder)
		kthread_stop(holder);
	holder = NULL;
	pci_dev_put(function);
	function = NULL;
}

static int set_hold(const char *value, const struct kernel_param *parameter)
{
	unsigned int domain, bus, slot, number;
	int words = sscanf(value, "%15s %x:%x:%x.%x", what, &domain, &bus, &slot, &number);
	struct task_struct *thread;

	end_hold();
	if (words == 5)
		function = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, number));
	if (!strcmp(what, "nothing"))
		return 0;
	if (!function && strcmp(what, "console"))
		return -EINVAL;
	thread = kthread_run(hold_until_stopped, NULL, "qh_stuck");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	holder = thread;
	return 0;
}

static int get_hold(char *buffer, const struct kernel_param *parameter)
{
	return sprintf(buffer, "%s\n", held);
}

static const struct kernel_param_ops hold = { .set = set_hold, .get = get_hold };
module_param_cb(hold, &hold, NULL, 0644);

static const struct file_operations operations = { .owner = THIS_MODULE };
static struct miscdevice node = { .minor = MISC_DYNAMIC_MINOR, .name = "qh_stuck", .fops = &operations };

static void wait_for(bool *flag)
{
	while (!READ_ONCE(*flag))
		schedule_timeout_uninterruptible(HZ / 10);
}

static int stuck_probe(struct pci_dev *device, const struct pci_device_id *id)
{
	wait_for(&let_in);
	node.parent = &device->dev;
	return misc_register(&node);
}

static void stuck_remove(struct pci_dev *device)
{
	misc_deregister(&node);
	wait_for(&let_go);
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };

static struct pci_driver stuck_driver = {
	.name = "qh_stuck",
	.id_table = ids,
	.probe = stuck_probe,
	.remove = stuck_remove,
};

static int __init stuck_init(void)
{
	return edu ? pci_register_driver(&stuck_driver) : 0;
}
module_init(stuck_init);

static void __exit stuck_exit(void)
{
	end_hold();
	if (edu)
		pci_unregister_driver(&stuck_driver);
}
module_exit(stuck_exit);

MODULE_DESCRIPTION("holds what others wait for until it is told to let go");
MODULE_LICENSE("GPL");
