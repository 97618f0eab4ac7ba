/* SPDX-License-Identifier: MIT */
/* Who must hear of a change of a guest map, and in which order: the protocol of mm/guest_map.h. */
#include "lib/panic.h"
#include "mm/guest_map.h"

void guest_map_listen(struct guest_map *map, struct guest_map_listener *listener)
{
	list_append(&map->listeners, &listener->link);
}

void guest_map_unlisten(struct guest_map_listener *listener)
{
	list_remove(&listener->link);
}

void guest_map_enter_cpu(struct guest_map *map, unsigned cpu)
{
	__atomic_add_fetch(&map->vcpus_on[cpu], 1, __ATOMIC_ACQ_REL);
}

void guest_map_leave_cpu(struct guest_map *map, unsigned cpu)
{
	__atomic_sub_fetch(&map->vcpus_on[cpu], 1, __ATOMIC_ACQ_REL);
}

static uint64_t guest_map_cpus(const struct guest_map *map)
{
	uint64_t cpus = 0;

	for (unsigned i = 0; i < GUEST_MAP_CPUS; i++)
		if (__atomic_load_n(&map->vcpus_on[i], __ATOMIC_ACQUIRE))
			cpus |= BIT(i);
	return cpus;
}

static struct guest_map_listener *listener_at(struct list *at)
{
	return container_of(at, struct guest_map_listener, link);
}

void guest_map_begin_change(struct guest_map *map, gpa_t gpa, uint64_t size)
{
	uint64_t cpus;
	bool owed = false;

	assert_monitor(!map->changing);
	map->changing = true;
	for (struct list *at = map->listeners.next; at != &map->listeners; at = at->next)
		owed |= listener_at(at)->drop(listener_at(at), gpa, size).owed;
	cpus = owed ? guest_map_cpus(map) : 0;
	if (cpus)
		map->flush(map, cpus);
	for (struct list *at = map->listeners.next; at != &map->listeners; at = at->next)
		listener_at(at)->flushed(listener_at(at));
}

void guest_map_commit(struct guest_map *map)
{
	assert_monitor(map->changing);
	map->changing = false;
}
