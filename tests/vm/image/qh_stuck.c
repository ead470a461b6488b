// SPDX-License-Identifier: GPL-2.0
// A driver for QEMU's edu device that does not let go of it: its remove() returns only when
// /sys/module/qh_stuck/parameters/let_go says so. What a graphics driver does whose card is still in use: its node
// /dev/qh_stuck goes first, and who has it open keeps it.
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>

static bool let_go;
module_param(let_go, bool, 0644);

static const struct file_operations operations = { .owner = THIS_MODULE };
static struct miscdevice node = { .minor = MISC_DYNAMIC_MINOR, .name = "qh_stuck", .fops = &operations };

static int stuck_probe(struct pci_dev *device, const struct pci_device_id *id)
{
	node.parent = &device->dev;
	return misc_register(&node);
}

static void stuck_remove(struct pci_dev *device)
{
	misc_deregister(&node);
	while (!READ_ONCE(let_go))
		schedule_timeout_uninterruptible(HZ / 10);
}

static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };

static struct pci_driver stuck_driver = {
	.name = "qh_stuck",
	.id_table = ids,
	.probe = stuck_probe,
	.remove = stuck_remove,
};
module_pci_driver(stuck_driver);

MODULE_DESCRIPTION("never lets go of an edu device until it is told to");
MODULE_LICENSE("GPL");
