/* The shell's commands that look at VMs and run their lives. */
#ifndef VMM_SHELL_VM_H
#define VMM_SHELL_VM_H

/* Add them to the shell, after shell_init(). They speak of the VMs that vm_get() knows at the time. */
void shell_vm_init(void);

#endif
