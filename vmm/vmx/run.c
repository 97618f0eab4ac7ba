/*
 * The exit path: every instruction here is paid on every exit. `make bench` counts them.
 */
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/console.h"
#include "vmm/log.h"
#include "vmm/vmx/vmx.h"

_Static_assert(offsetof(struct cpu, self) == 0, "this_cpu() reads it at %gs:0");
_Static_assert(offsetof(struct cpu, stack_top) == 8, "CPU_STACK_TOP in entry.S");
_Static_assert(offsetof(struct cpu, entry_mitigations) == 16, "CPU_MITIGATIONS in entry.S");
_Static_assert(offsetof(struct vcpu, launched) == 128, "VCPU_LAUNCHED in entry.S");
_Static_assert(sizeof(((struct vcpu *)0)->gpr) == 128, "VCPU_REGISTERS in entry.S");

struct vcpu *vmx_exit(struct vcpu *vcpu);
struct vcpu *vmx_entry_failed(struct vcpu *vcpu);

/* The length of what exited is only known here; the rest any emulated instruction needs. */
static void advance(uint64_t rip)
{
	uint64_t next = rip + vmread(VMCS_EXIT_LENGTH);

	if (unlikely((rip ^ next) >> 32) && !backend_long_code())
		next = (uint32_t)next;
	vmwrite(VMCS_GUEST_RIP, next);
	backend_instruction_done();
}

/* The next timer event comes as an exit. The timer counts TSC >> preemption_shift. */
static void arm_preemption_timer(const struct cpu *cpu)
{
	uint64_t now = read_tsc();
	uint64_t ticks = cpu->deadline > now ? (cpu->deadline - now) >> vmx_features.preemption_shift : 0;

	vmwrite(VMCS_PREEMPTION_TIMER, MIN(ticks, UINT32_MAX));
}

static struct vcpu *prepare_entry(struct cpu *cpu, struct vcpu *vcpu)
{
	if (unlikely(vcpu->requests))
		vcpu = vmx_settle(cpu, vcpu);
	if (likely(vmx_features.preemption_timer))
		arm_preemption_timer(cpu);
	return vcpu;
}

/* A later processor may have more reasons than we know, and a guest may find them: only its VM pays. */
static cold void unknown_reason(struct vcpu *vcpu, uint32_t reason)
{
	log_error("VM exit with reason %#x, which is not in the table\n", reason);
	vm_stop(vcpu->vm, VM_UNEXPECTED_EXIT);
}

static cold void audit_line(const char *line)
{
	log_error("  %s\n", line);
}

/* SDM Vol. 3C "VM-Entry Failures During or After Loading Guest State". */
static cold void entry_failed(struct vcpu *vcpu, uint32_t reason)
{
	unsigned broken;

	log_error("VM entry failed: %s (exit qualification %#lx)\n", backend_exit_name(reason & 0xffff),
		  vmread(VMCS_EXIT_QUALIFICATION));
	broken = vmx_audit(audit_line);
	log_error("  %u rule(s) for guest state broken\n", broken);
	vm_stop(vcpu->vm, VM_BAD_STATE);
}

struct vcpu *vmx_exit(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu();
	uint32_t reason = (uint32_t)vmread(VMCS_EXIT_REASON);
	uint64_t rip = vmread(VMCS_GUEST_RIP);
	struct exit_record *record = &vcpu->last[vcpu->exits++ % LAST_EXITS];
	const struct exit_handler *handler;

	record->rip = rip;
	record->reason = reason;
	vcpu->launched = 1;
	if (unlikely(reason >= EXIT_REASONS)) {
		if (reason & EXIT_REASON_ENTRY_FAILURE)
			entry_failed(vcpu, reason);
		else
			unknown_reason(vcpu, reason);
		return prepare_entry(cpu, vcpu);
	}
	vcpu->exit_count[reason]++;
	handler = &exit_handlers[reason];
	if (unlikely(handler->may_vector))
		vmx_requeue_event(vcpu);
	if (likely(handler->handle(vcpu) == ACTION_ADVANCE))
		advance(rip);
	return prepare_entry(cpu, vcpu);
}

/* VMLAUNCH or VMRESUME itself refused: the controls or the host state are wrong, which is our doing. */
struct vcpu *vmx_entry_failed(struct vcpu *vcpu)
{
	log_error("VM entry refused: VM-instruction error %lu (SDM Vol. 3C \"VM Instruction Error Numbers\")\n",
		  vmread(VMCS_INSTRUCTION_ERROR));
	vm_stop(vcpu->vm, VM_BAD_STATE);
	return prepare_entry(this_cpu(), vcpu);
}

extern noreturn void vmx_enter_first(struct vcpu *vcpu);

noreturn void backend_run(struct cpu *cpu)
{
	vmx_enter_first(prepare_entry(cpu, cpu->current));
}

/* May the vCPU run now? Its machine may have been reset meanwhile. */
static bool runnable(struct vcpu *vcpu)
{
	if (vcpu->requests & REQUEST_RESET)
		vm_carry_out_reset(vcpu->vm);
	if (vcpu->requests & (REQUEST_STOP | REQUEST_PAUSE))
		return false;
	if (vcpu->requests & REQUEST_HALTED) {
		if (!vmx_wakes(vcpu)) {
			vm_say_halted(vcpu->vm);
			return false;
		}
		vcpu->requests &= ~(uint32_t)REQUEST_HALTED;
	}
	if (vcpu->requests & REQUEST_FLUSH) {
		backend_flush(vcpu);
		vcpu->requests &= ~(uint32_t)REQUEST_FLUSH;
	}
	vmx_inject(vcpu);
	return true;
}

struct vcpu *vmx_settle(struct cpu *cpu, struct vcpu *vcpu)
{
	while (!runnable(vcpu))
		cpu_idle(cpu);
	return vcpu;
}
