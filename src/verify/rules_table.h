// SPDX-License-Identifier: MIT
// The rules; see rules.h. No include guard: it is included for its rows.
// RULE(number, name, severity, demand, what Windows calls a breach, a test that breaks it, a test that keeps it)
// A number is never used again for something else. 0001 to 0099: what the runtime itself cannot go on without; 0100 to 0199: NDIS;
// 0200 to 0299: IRQL and locks; 0300 to 0399: memory; 0400 to 0499: IRPs; 0500 to 0599: timers and work items; 0600 to 0699: the TCP
// chimney; 0700 to 0799: NDK.
// Severity: FATAL ends the run, for the call has nothing to go on with; ENDS ends it too, unless --suppress lets it go on; COUNTS goes on.
RULE(0001, DdiMissing, FATAL, "A driver calls only what is provided; ndisbox ddi NAME says what is.", "-",
     "a_call_of_what_is_not_provided_is_reported", "a_call_of_what_is_provided_is_not_reported")
RULE(0002, Contract, FATAL,
     "A driver answers what is pending, once, and in the way that the call's page allows. (What has a rule of its own is reported "
     "by that.)",
     "-", "a_free_of_a_list_as_a_clone_that_is_none_is_reported", "a_free_of_a_clone_is_not_reported")
RULE(0003, Handle, FATAL, "A handle is of the kind that the function takes, and not closed; a SourceHandle is a binding.", "-",
     "a_handle_of_another_kind_is_reported", "a_handle_of_the_right_kind_is_not_reported")
RULE(0004, Crash, FATAL, "A driver does not fault.", "BugCheck 0xD1, 0x50, 0x7E and their kin",
     "a_crash_names_the_driver_its_function_and_the_DDI", "a_driver_that_does_not_fault_is_not_reported")
RULE(0005, SendChanged, FATAL,
     "A NET_BUFFER_LIST is sent, completed, indicated, returned and freed only by the driver that has it, and what was sent comes back "
     "as it went.",
     "BugCheck 0xC4 (invariant MDL checking); BugCheck 0x15E (0x30)",
     "a_driver_that_touches_a_NET_BUFFER_LIST_while_it_is_out_is_stopped",
     "structures_that_came_back_may_be_used_in_a_later_send")
RULE(0006, NotOwned, FATAL,
     "A driver does not touch a NET_BUFFER_LIST, its NET_BUFFERs, MDLs or data after it has given them away: not after a send and "
     "before its completion, not after passing on, returning, completing or indicating.",
     "-", "a_sender_that_reads_what_it_has_sent_is_stopped", "a_sender_that_waits_for_its_completion_may_read")
RULE(0007, BugCheck, FATAL,
     "A driver gives the executive no cause for a bug check, nor asks for one. (What has a rule of its own is reported by that.)",
     "the bug check that the report's first line names", "a_broken_list_is_a_bug_check_and_is_reported",
     "a_sound_list_is_not_reported")
RULE(0100, PauseStatus, ENDS, "A pause handler returns NDIS_STATUS_SUCCESS or NDIS_STATUS_PENDING.",
     "Static Driver Verifier: MiniportPause_Return; BugCheck 0xC4 (0x92010)", "a_pause_that_fails_is_reported",
     "a_pause_that_succeeds_or_is_completed_in_time_is_not_reported")
RULE(0101, PauseComplete, FATAL, "A pause or restart is completed only while it is pending.", "BugCheck 0x7C (0x1F)",
     "a_pause_completed_without_being_pending_is_reported", "a_pause_that_succeeds_or_is_completed_in_time_is_not_reported")
RULE(0102, ResetComplete, FATAL, "NdisMResetComplete answers a reset that was pended, once.",
     "BugCheck 0x7C (0xF) NDIS_BUGCHECK_RESET_COMPLETE_UNEXPECTED",
     "a_reset_completed_without_being_pending_is_reported", "a_reset_that_was_pended_may_be_completed")
RULE(0103, OidNotPending, FATAL, "An OID request is completed once, by the driver at which it is pending.",
     "BugCheck 0x7C (0x26); BugCheck 0xC4 (0x91002) NdisOidDoubleComplete", "an_OID_request_completed_twice_is_reported",
     "an_OID_request_may_be_pended_and_completed")
RULE(0104, OidAnswer, FATAL,
     "A handler that returns NDIS_STATUS_PENDING completes the request; one that returns another status does not.",
     "BugCheck 0xC4 (0x91001) NdisOidComplete", "an_OID_request_completed_with_PENDING_is_reported",
     "an_OID_request_may_be_pended_and_completed")
RULE(0105, OidBytes, ENDS, "BytesWritten and BytesRead of a successful OID request are not more than its buffer has.",
     "BugCheck 0x7C (0x1D)", "an_OID_request_that_claims_more_bytes_than_its_buffer_is_reported",
     "an_OID_request_may_be_pended_and_completed")
RULE(0106, OidTimed, ENDS, "An OID request is completed within 12 seconds.", "BugCheck 0xC4 (0x92003) NdisTimedOidComplete",
     "an_OID_request_that_is_not_completed_in_time_is_reported", "an_OID_request_may_be_pended_and_completed")
RULE(0107, SendTimed, ENDS, "A miniport completes each NET_BUFFER_LIST that it was given to send within 30 seconds.",
     "BugCheck 0xC4 (0x9200D) NdisTimedDataSend; BugCheck 0x15E (0x30)", "a_send_that_is_not_completed_in_time_is_reported",
     "sends_completed_in_time_are_not_reported")
RULE(0108, SendHang, ENDS, "A miniport that has sends to complete completes one at least every 22 seconds.",
     "BugCheck 0xC4 (0x9200F) NdisTimedDataHang; BugCheck 0x15E (0x30)", "a_miniport_that_completes_no_sends_is_reported",
     "sends_completed_in_time_are_not_reported")
RULE(0109, PauseTimed, ENDS, "A pause or restart that was pended is completed within 10 seconds.",
     "BugCheck 0xC4 (0x92010) NdisFilterTimedPauseComplete; BugCheck 0x7C (0x25)", "a_pause_that_is_not_completed_in_time_is_reported",
     "a_pause_that_succeeds_or_is_completed_in_time_is_not_reported")
RULE(0110, FilterSendHang, ENDS, "A filter that keeps sends passes on or completes one at least every 22 seconds.",
     "BugCheck 0xC4 (0x92011) NdisFilterTimedDataSend; BugCheck 0x15E (0x30)", "a_filter_that_keeps_sends_is_reported",
     "a_filter_that_passes_sends_on_in_time_is_not_reported")
RULE(0111, FilterReceiveHang, ENDS, "A filter that keeps received NET_BUFFER_LISTs passes on or returns one at least every 22 seconds.",
     "BugCheck 0xC4 (0x92012) NdisFilterTimedDataReceive; BugCheck 0x15E (0x30)", "a_filter_that_keeps_receives_is_reported",
     "a_filter_that_passes_receives_on_in_time_is_not_reported")
RULE(0113, ReturnOfLent, FATAL,
     "What was indicated with NDIS_RECEIVE_FLAGS_RESOURCES is not returned: it goes back when the receive handler returns.", "-",
     "a_return_of_what_was_lent_with_RESOURCES_is_reported", "what_was_lent_with_RESOURCES_goes_back_by_itself")
RULE(0114, Paused, ENDS, "A paused miniport indicates nothing, and a paused filter originates nothing.", "-",
     "a_miniport_that_indicates_while_paused_is_reported", "a_miniport_that_indicates_while_running_is_not_reported")
RULE(0115, DispatchFlag, ENDS,
     "The DISPATCH_LEVEL flag of a send, a completion, an indication or a return is set only when the IRQL is DISPATCH_LEVEL.", "-",
     "a_DISPATCH_LEVEL_flag_below_DISPATCH_LEVEL_is_reported", "a_DISPATCH_LEVEL_flag_at_DISPATCH_LEVEL_is_not_reported")
RULE(0116, IndicatedCount, ENDS, "NumberOfNetBufferLists is the length of the chain that is indicated.", "-",
     "an_indication_with_a_wrong_count_is_reported", "a_miniport_that_indicates_while_running_is_not_reported")
RULE(0117, BindLeftOpen, FATAL, "A protocol that fails a bind closes what it has opened in it.",
     "BugCheck 0x7C (0x16) NDIS_BUGCHECK_INVALID_OPEN_IN_BIND_CONTEXT", "a_bind_that_fails_and_leaves_the_adapter_open_is_reported",
     "a_bind_that_fails_in_order_is_not_reported")
RULE(0118, StatusIndication, FATAL, "A status indication has a right header, and its buffer holds what its code says.",
     "BugCheck 0x7C (0x20) NDIS_BUGCHECK_STATUS_INDICATION_INVALID_BUFFER", "a_status_indication_that_is_not_well_made_is_reported",
     "what_is_well_made_is_not_reported")
RULE(0119, ObjectHeader, FATAL, "A request that is cloned has a right header.",
     "BugCheck 0x7C (0x21) NDIS_BUGCHECK_INVALID_OBJECT_HEADER", "a_clone_of_a_request_with_a_wrong_header_is_reported",
     "what_is_well_made_is_not_reported")
RULE(0120, NetPnPEvent, FATAL, "A driver originates only network plug and play events that are its kind's, with a right header.",
     "BugCheck 0x7C (0x22) NDIS_BUGCHECK_ILLEGAL_NET_PNP_EVENT", "NdisMNetPnPEvent_of_an_event_that_is_not_a_miniports_is_reported",
     "NdisMAllocatePort_and_NdisMNetPnPEvent_take_a_port_through_its_states")
RULE(0121, ProviderInUse, FATAL, "An interface provider deregisters its interfaces before itself.",
     "BugCheck 0x7C (0x17) NDIS_BUGCHECK_IFPROVIDER_DEREGISTER_UNEXPECTED", "NdisIfDeregisterProvider_with_interfaces_left_is_reported",
     "NdisIfRegisterInterface_gives_an_index_and_the_provider_answers_for_it_until_NdisIfDeregisterInterface")
RULE(0122, IfStackLoop, FATAL, "The interface stack has no loop.", "BugCheck 0x7C (0x1B) NDIS_BUGCHECK_IF_STACK_TABLE_LOOP",
     "NdisIfAddIfStackEntry_that_closes_a_loop_is_reported", "NdisIfAddIfStackEntry_puts_known_interfaces_in_order")
RULE(0123, SharedMemoryIrql, FATAL, "NdisMAllocateSharedMemory is called at PASSIVE_LEVEL.",
     "BugCheck 0x7C (0x1) NDIS_BUGCHECK_ALLOCATE_SHARED_MEM_HIGH_IRQL", "NdisMAllocateSharedMemory_above_PASSIVE_LEVEL_is_reported",
     "NdisMAllocateSharedMemory_gives_pages_at_their_own_address_and_NdisMFreeSharedMemory_takes_them_back")
RULE(0124, SharedMemoryFreed, FATAL, "Shared memory is freed once, with the length and the addresses that it was given with.",
     "BugCheck 0x7C (0x3) NDIS_BUGCHECK_FREE_INVALID_SHARED_MEM", "NdisMFreeSharedMemory_a_second_time_is_reported",
     "NdisMAllocateSharedMemory_gives_pages_at_their_own_address_and_NdisMFreeSharedMemory_takes_them_back")
RULE(0125, CloseTimed, ENDS,
     "A protocol completes a network plug and play event and an unbind, and returns what it has received when it is paused, within 30 "
     "seconds.",
     "BugCheck 0x7C (0x25: 0x1, 0x2, 0x4) NDIS_BUGCHECK_WATCHDOG", "a_protocol_that_does_not_come_to_an_end_is_reported",
     "a_protocol_that_takes_its_time_is_not_reported")
RULE(0200, IrqlAtDoor, ENDS, "Each function is called at an IRQL that its page allows; ndisbox ddi NAME says which.",
     "Static Driver Verifier: Irql_*_Function; DDI compliance checking (Irql*)", "a_function_called_above_its_IRQL_is_reported",
     "a_function_called_at_its_IRQL_is_not_reported")
RULE(0201, IrqlReturn, ENDS, "A driver's handler returns at the IRQL at which it was called.", "DDI compliance checking: IrqlReturn",
     "a_handler_that_comes_back_at_another_IRQL_is_reported", "a_handler_that_restores_the_IRQL_is_not_reported")
RULE(0202, LockHeld, ENDS, "A driver's handler releases the spin locks that it took before it returns.",
     "Static Driver Verifier: SpinLock, SpinLockBalanced, SpinLockDpr", "a_handler_that_returns_with_a_spin_lock_is_reported",
     "a_handler_that_releases_its_spin_locks_is_not_reported")
RULE(0203, LockPair, COUNTS,
     "A spin lock is released by the function that belongs to the one that took it: Dpr with Dpr, plain with plain.",
     "Static Driver Verifier: SpinLockDprRelease", "a_spin_lock_released_by_the_wrong_pair_is_reported",
     "a_handler_that_releases_its_spin_locks_is_not_reported")
RULE(0204, LockNotHeld, ENDS, "A spin lock is released only by the thread that holds it.",
     "Static Driver Verifier: SpinLockRelease; BugCheck 0x10 SPIN_LOCK_NOT_OWNED", "a_spin_lock_released_by_another_thread_is_reported",
     "a_handler_that_releases_its_spin_locks_is_not_reported")
RULE(0205, PagedPool, ENDS,
     "Paged pool is touched, allocated and freed only below DISPATCH_LEVEL, and no spin lock lies in it.",
     "BugCheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL; BugCheck 0xC4 (0x1, 0x11)", "paged_pool_touched_at_DISPATCH_LEVEL_is_reported",
     "paged_pool_touched_below_DISPATCH_LEVEL_is_not_reported")
RULE(0206, LockOrder, ENDS, "Locks that are held together are always taken in the same order.",
     "BugCheck 0xC4 (0x1001), Deadlock Detection", "locks_taken_in_both_orders_are_reported",
     "locks_taken_in_one_order_are_not_reported")
RULE(0207, LockType, ENDS, "A lock that is taken as a queued spin lock is released as one, and one that is not is not.",
     "BugCheck 0xC4 (0x1008, 0x1009)", "a_queued_spin_lock_released_as_a_plain_one_is_reported",
     "a_handler_that_releases_its_spin_locks_is_not_reported")
RULE(0300, PoolLeft, COUNTS, "A driver frees the memory that it has allocated before it is unloaded.", "BugCheck 0xC4 (0x60, 0x62)",
     "memory_that_a_driver_leaves_is_reported", "what_is_given_back_is_not_reported")
RULE(0301, NblLeft, COUNTS, "Each NET_BUFFER_LIST and NET_BUFFER of a pool is freed before the pool.",
     "BugCheck 0x7C (0x27); Static Driver Verifier: NdisAllocateNetBuffer", "a_NET_BUFFER_LIST_that_is_out_when_its_pool_goes_is_reported",
     "what_is_given_back_is_not_reported")
RULE(0302, NblPoolLeft, COUNTS, "Pools of NET_BUFFER_LISTs and NET_BUFFERs are freed before what they were allocated for goes.",
     "Static Driver Verifier: NdisAllocateNetBuffer", "a_pool_that_is_left_is_reported", "what_is_given_back_is_not_reported")
RULE(0303, MdlLeft, COUNTS, "A driver frees the MDLs that it has allocated.", "Static Driver Verifier: NdisAllocateMdl",
     "an_MDL_that_is_left_is_reported", "what_is_given_back_is_not_reported")
RULE(0304, HandleLeft, COUNTS, "A driver closes its handles and drops its references before it is unloaded.", "-",
     "a_handle_that_is_left_open_is_reported", "what_is_given_back_is_not_reported")
RULE(0305, ObjectLeft, COUNTS,
     "A timer object, work item, lock, generic object, poll object or cloned request is freed before what it was allocated for goes.",
     "Static Driver Verifier: NdisAllocateGenericObject, Init_NdisAllocateIoWorkItem", "an_object_that_is_left_is_reported",
     "what_is_given_back_is_not_reported")
RULE(0306, HardwareLeft, COUNTS,
     "A miniport gives back shared memory, mapped registers, ports and its DMA channel before MiniportHaltEx returns, or "
     "MiniportInitializeEx fails.",
     "Static Driver Verifier: Init_RegisterSG", "hardware_that_is_left_is_reported", "hardware_that_is_given_back_is_not_reported")
RULE(0307, IrpLeft, COUNTS, "A driver frees the IRPs that it has allocated before it is unloaded.", "-",
     "an_IRP_that_is_left_is_reported", "what_is_given_back_is_not_reported")
RULE(0308, LookasideLeft, COUNTS, "A driver deletes its lookaside lists and ERESOURCEs before it is unloaded.",
     "BugCheck 0xCE DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS", "a_lookaside_list_that_is_left_is_reported",
     "what_is_given_back_is_not_reported")
RULE(0400, IrpTwice, FATAL, "An IRP is completed once, by the driver that has it.",
     "BugCheck 0x44 MULTIPLE_IRP_COMPLETE_REQUESTS; BugCheck 0xC9 (0x209)", "an_IRP_completed_twice_or_by_another_is_reported",
     "an_IRP_completed_at_once_or_later_is_not_reported")
RULE(0401, IrpCancelSet, ENDS, "An IRP is completed and passed down without a cancel routine.", "BugCheck 0xC9 (0x7, 0x203, 0x23C)",
     "an_IRP_completed_with_its_cancel_routine_is_reported", "an_IRP_whose_cancel_routine_was_taken_out_is_not_reported")
RULE(0402, IrpPending, ENDS,
     "A dispatch routine that returns STATUS_PENDING has marked the IRP pending, and one that has marked it returns that.",
     "BugCheck 0xC9 (0x228, 0x23D, 0x23E, 0x24C)", "an_IRP_pended_without_its_mark_or_marked_and_not_pended_is_reported",
     "an_IRP_completed_at_once_or_later_is_not_reported")
RULE(0403, IrpStatus, ENDS, "A dispatch routine completes or passes on its IRP and returns its status, or returns STATUS_PENDING.",
     "BugCheck 0xC9 (0x224, 0x226)", "a_dispatch_routine_that_returns_another_status_is_reported",
     "an_IRP_completed_at_once_or_later_is_not_reported")
RULE(0404, IrpStillPending, FATAL, "An IRP is completed with a final status.", "BugCheck 0xC9 (0x6)",
     "an_IRP_completed_with_STATUS_PENDING_is_reported", "an_IRP_completed_at_once_or_later_is_not_reported")
RULE(0405, IrpInformation, FATAL, "IoStatus.Information is not more than the output buffer has.", "BugCheck 0xC9 (0x312)",
     "an_IRP_that_claims_more_bytes_than_its_buffer_is_reported", "an_IRP_completed_at_once_or_later_is_not_reported")
RULE(0406, IrpForward, ENDS, "An IRP is passed down by the driver that has it, in a location of its own or skipped.",
     "BugCheck 0xC9 (0x205, 0x207)", "an_IRP_passed_down_by_who_has_it_no_more_or_with_a_copied_routine_is_reported",
     "an_IRP_passed_down_with_a_copied_or_skipped_location_is_not_reported")
RULE(0407, IrpTop, FATAL, "A driver that allocates an IRP takes it back in its completion routine.", "-",
     "an_IRP_that_its_maker_does_not_take_back_is_reported", "an_IRP_that_its_maker_takes_back_and_frees_is_not_reported")
RULE(0408, IrpFree, FATAL, "An IRP is freed and reused by its maker, once, when no driver below has it.",
     "BugCheck 0xC9 (0x1, 0x20A, 0x20B, 0x310)", "an_IRP_freed_while_it_is_below_or_twice_is_reported",
     "an_IRP_that_its_maker_takes_back_and_frees_is_not_reported")
RULE(0500, TimerSet, COUNTS, "A driver cancels its timers before what they were allocated for goes, or it is unloaded.",
     "BugCheck 0x7C (0x9, 0xC); BugCheck 0xCE; Static Driver Verifier: CancelTimerObject", "a_timer_that_is_left_set_is_reported",
     "what_is_quiet_at_the_end_is_not_reported")
RULE(0501, DpcQueued, COUNTS, "No DPC of a driver is queued any more when it is unloaded.",
     "BugCheck 0xCE DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS", "a_DPC_that_is_left_queued_is_reported",
     "what_is_quiet_at_the_end_is_not_reported")
RULE(0502, WorkLeft, ENDS, "No work item of a driver is queued or runs any more when what it was allocated for goes, or it is unloaded.",
     "BugCheck 0xCE DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS", "a_work_item_that_is_left_queued_is_reported",
     "what_is_quiet_at_the_end_is_not_reported")
RULE(0503, InterruptLeft, ENDS, "A miniport deregisters its interrupt before MiniportHaltEx returns, or MiniportInitializeEx fails.",
     "BugCheck 0x7C (0x8, 0xB); Static Driver Verifier: Init_DeRegisterInterrupt", "an_interrupt_that_is_left_is_reported",
     "hardware_that_is_given_back_is_not_reported")
RULE(0504, TimerFreed, ENDS, "A driver frees no memory in which a timer lies that is set.",
     "BugCheck 0xC4 (0x15); BugCheck 0xC7 (0x0) TIMER_OR_DPC_INVALID", "a_timer_in_freed_memory_is_reported",
     "what_is_quiet_when_its_memory_is_freed_is_not_reported")
RULE(0505, DpcFreed, ENDS, "A driver frees no memory in which a DPC lies that is queued.", "BugCheck 0xC7 (0x1) TIMER_OR_DPC_INVALID",
     "a_DPC_in_freed_memory_is_reported", "what_is_quiet_when_its_memory_is_freed_is_not_reported")
RULE(0506, WorkFreed, ENDS, "A driver frees no memory in which a work item lies that is queued.", "BugCheck 0xE4 (0x0, 0x2) WORKER_INVALID",
     "a_work_item_in_freed_memory_is_reported", "what_is_quiet_when_its_memory_is_freed_is_not_reported")
RULE(0507, ResourceFreed, ENDS, "A driver deletes an ERESOURCE before it frees the memory in which it lies.",
     "BugCheck 0xC4 (0x17, 0xD2)", "an_ERESOURCE_in_freed_memory_is_reported", "what_is_quiet_when_its_memory_is_freed_is_not_reported")
RULE(0508, LookasideFreed, ENDS, "A driver deletes a lookaside list before it frees the memory in which it lies.", "BugCheck 0xC4 (0xCC)",
     "a_lookaside_list_in_freed_memory_is_reported", "what_is_quiet_when_its_memory_is_freed_is_not_reported")
RULE(0509, DeviceLeft, COUNTS, "A driver deletes its device objects before it is unloaded.", "-", "a_device_that_is_left_is_reported",
     "what_is_given_back_is_not_reported")
RULE(0510, RegistrationLeft, COUNTS, "A driver deregisters as miniport, filter, protocol or interface provider before it is unloaded.",
     "BugCheck 0x7C (0xA) NDIS_BUGCHECK_DRIVER_UNLOAD_UNEXPECTED; Static Driver Verifier: NdisFDeregisterFilterDriver",
     "a_registration_that_is_left_is_reported",
     "what_is_given_back_is_not_reported")
RULE(0512, ConfigurationOpen, COUNTS, "A configuration handle is closed before what it was opened for goes.",
     "Static Driver Verifier: NdisOpenConfigurationEx", "a_configuration_that_is_left_open_is_reported",
     "what_is_given_back_is_not_reported")
RULE(0600, OffloadedObject, FATAL,
     "An offloaded object is used only between the completion of its initiate and the call of its terminate, through the binding that "
     "offloaded it; events about it may come until the terminate has completed.",
     "-", "a_send_on_a_connection_that_is_not_offloaded_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0601, OffloadTree, FATAL,
     "A state tree has neighbours, below them paths, below those connections; blocks linked by NextBlock are of one layer.", "-",
     "a_tree_whose_layers_are_out_of_order_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0602, OffloadStatus, ENDS,
     "Before it completes an operation on a tree a target writes into each block a Status that the operation may end with.", "-",
     "a_block_without_a_Status_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0603, OffloadContext, ENDS,
     "A target writes *MiniportOffloadContext of each object that it takes, and of no object that it does not.", "-",
     "a_context_of_an_object_that_was_not_taken_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0604, OffloadDisconnect, ENDS,
     "A disconnect is graceful or abortive; it has at most one NET_BUFFER_LIST, with one NET_BUFFER, without data when it is abortive.",
     "-", "a_disconnect_with_two_lists_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0605, OffloadPends, ENDS,
     "MiniportTcpOffloadSend, Receive, Disconnect and Forward return NDIS_STATUS_PENDING, MiniportTcpOffloadReceiveReturn "
     "NDIS_STATUS_SUCCESS.",
     "-", "a_send_handler_that_does_not_pend_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0606, OffloadIndicated, ENDS,
     "An event has a type and an upload a reason that exist; data is indicated after the initiate has completed, in one NET_BUFFER_LIST, "
     "its Status NDIS_STATUS_SUCCESS; a NeighborReachabilityQuery has one block of a whole neighbour.",
     "-", "an_event_of_no_type_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0607, OffloadAnswer, ENDS,
     "ProtocolTcpOffloadReceiveIndicate takes all of the data, none of it, or a part that BytesConsumed says.", "-",
     "a_receive_handler_that_accepts_a_part_and_does_not_say_how_much_is_reported",
     "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0608, OffloadLeft, ENDS, "A protocol terminates what it has offloaded before it closes the adapter.", "-",
     "an_adapter_that_is_closed_over_an_offloaded_object_is_reported", "a_target_and_a_host_that_keep_the_rules_are_not_reported")
RULE(0609, OffloadRefused, ENDS,
     "A target whose data was not taken, or not all of it, indicates none on that connection until the host has posted a receive.", "-",
     "data_that_is_indicated_again_before_a_receive_is_posted_is_reported", "a_target_may_indicate_again_once_a_receive_is_posted")
RULE(0610, OffloadInitiate, ENDS,
     "A connection is offloaded while it is open or being closed, with a chain that holds what SndUna to SndMax say; a block that links to "
     "what is offloaded already has dependents.",
     "-", "a_connection_that_may_not_be_offloaded_is_reported", "each_state_that_may_be_offloaded_may")
RULE(0611, OffloadPartial, ENDS,
     "A block's Status after an initiate agrees with those of its dependents: SUCCESS says that all of them were taken, PARTIAL_SUCCESS "
     "that one was not, a failure that none was.",
     "-", "statuses_that_contradict_each_other_are_reported", "a_tree_that_comes_in_in_part_is_not_reported")
RULE(0612, OffloadPosts, ENDS,
     "One thread at a time is inside NdisOffloadTcpSend for a connection, and one inside NdisOffloadTcpReceive.", "-",
     "two_threads_that_send_on_one_connection_are_reported", "a_receive_that_is_posted_inside_a_completion_is_not_reported")
RULE(0613, OffloadUpward, ENDS,
     "A target completes receives of a connection and indicates its data one call after the other, never one inside the other.", "-",
     "data_that_is_indicated_inside_a_completion_is_reported", "a_receive_that_is_posted_inside_a_completion_is_not_reported")
RULE(0614, OffloadOrder, ENDS,
     "A target completes sends, and receives, in the order in which they came; after one send that failed no other succeeds; a disconnect "
     "succeeds after all sends before it.",
     "-", "a_send_that_overtakes_another_is_reported", "requests_that_are_completed_in_order_are_not_reported")
RULE(0615, OffloadRequest, ENDS,
     "A request of an offloaded connection is completed by the function for its kind, with a Status that it may end with, and its "
     "NET_BUFFER advanced by TcpOffloadBytesTransferred.",
     "-", "a_completion_that_does_not_say_what_became_of_the_bytes_is_reported", "requests_that_are_completed_in_order_are_not_reported")
RULE(0616, OffloadReissued, ENDS, "A host does not make a disconnect again that has failed.", "-",
     "a_disconnect_that_is_made_again_is_reported", "an_abort_after_a_disconnect_that_failed_is_not_reported")
RULE(0617, OffloadEnded, ENDS,
     "A target says TcpIndicateDisconnect once, when the host has all data; no data comes after it, or after TcpIndicateAbort.", "-",
     "data_after_its_end_is_reported", "a_FIN_behind_the_last_data_is_not_reported")
RULE(0618, OffloadReason, ENDS,
     "A connection of which one half is closed is not asked back for a reason that does not oblige the host.", "-",
     "a_hint_about_a_connection_that_is_half_closed_is_reported", "a_hint_and_then_an_obliging_reason_are_not_reported")
RULE(0619, OffloadTerminate, ENDS,
     "A host terminates an object when its queries, updates and invalidates have completed, and its receive and disconnect calls have "
     "returned.",
     "-", "a_terminate_over_an_update_is_reported", "a_terminate_after_all_else_is_not_reported")
RULE(0620, OffloadUnfinished, ENDS,
     "Before it completes a terminate a target has completed every request of the connection (sends may come back in NetBufferListChain), "
     "and its indications have returned.",
     "-", "a_terminate_that_leaves_a_request_is_reported", "a_terminate_after_all_else_is_not_reported")
RULE(0621, OffloadCorrupt, ENDS,
     "A target that says HardwareFailure says TcpIndicateAbort too before the terminate completes, and ends posted receives with "
     "NDIS_STATUS_REQUEST_ABORTED.",
     "-", "a_hardware_failure_without_an_abort_is_reported", "a_hardware_failure_with_its_abort_is_not_reported")
RULE(0622, OffloadUpdate, ENDS, "An object is updated by one operation at a time, and not once it was invalidated.", "-",
     "a_second_update_of_one_object_is_reported", "updates_of_two_objects_at_a_time_are_not_reported")
RULE(0623, OffloadUntaken, ENDS,
     "A target that does not take a connection leaves its NetBufferListChain as it was: no Status is written, no list completed.", "-",
     "a_chain_that_was_touched_by_an_initiate_that_failed_is_reported", "a_tree_that_comes_in_in_part_is_not_reported")
RULE(0624, OffloadNoPush, ENDS,
     "A receive in nonpush mode comes back when it is full, unless no byte follows.", "-",
     "a_nonpush_receive_that_comes_back_early_is_reported", "a_nonpush_receive_that_comes_back_at_the_end_is_not_reported")
RULE(0625, OffloadHandlers, ENDS,
     "NdisMGetOffloadHandlers is called once for a chimney type, by a miniport whose driver has registered generic and TCP handlers.", "-",
     "handlers_that_are_asked_for_twice_are_reported", "handlers_that_are_asked_for_once_are_not_reported")
RULE(0626, OffloadLent, ENDS,
     "A protocol returns what an offload target indicated, or gave with a terminate, before it closes the adapter.", "-",
     "data_that_is_never_returned_is_reported", "data_that_is_returned_is_not_reported")
RULE(0627, OffloadTicks, ENDS, "A host sets a timer granularity of 10, 100 or 1000 ticks a second.", "-",
     "a_granularity_of_no_use_is_reported", "each_granularity_that_a_host_may_set_may_be_set")
RULE(0700, NdkObject, ENDS, "A consumer of NDK closes an object once, and uses none after the call that closes it.", "-",
     "an_NDK_object_that_is_used_after_its_close_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0701, NdkAntecedent, ENDS, "A provider of NDK ends the close of an object when all that was made with it has been closed.", "-",
     "a_PD_whose_close_ends_before_that_of_its_MR_is_reported", "a_PD_may_be_closed_before_its_MR")
RULE(0702, NdkCompletion, ENDS,
     "A provider of NDK calls the completion of a request once when it has returned STATUS_PENDING, and else never.", "-",
     "an_NDK_request_that_is_completed_twice_is_reported", "an_NDK_request_may_be_completed_inside_its_call")
RULE(0703, NdkAfterClose, ENDS,
     "When a provider of NDK ends the close of an object all its requests are completed and all its callbacks have returned, and no other "
     "comes.",
     "-", "a_close_over_a_request_that_is_out_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0704, NdkNotification, ENDS, "A provider of NDK notifies once for each NdkArmCq, one call after the other.", "-",
     "a_notification_that_nobody_armed_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0705, NdkLeft, ENDS,
     "A consumer of NDK has closed all objects and released all mappings of an adapter before it closes that, and is in no callback.", "-",
     "an_NDK_adapter_that_is_closed_over_its_objects_is_reported",
     "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0706, NdkPoll, ENDS, "One thread at a time is inside NdkGetCqResults, NdkGetCqResultsEx and NdkArmCq of a completion queue.", "-",
     "two_threads_that_poll_one_CQ_are_reported", "two_threads_that_poll_two_CQs_are_not_reported")
RULE(0707, NdkPost, ENDS, "One thread at a time posts to each of the queues of a queue pair.", "-",
     "two_threads_that_post_to_one_queue_are_reported", "a_send_and_a_receive_may_be_posted_at_the_same_time")
RULE(0708, NdkResults, ENDS,
     "A provider of NDK gives no more results than were asked for, and one at most for each request that was posted.", "-",
     "a_result_without_a_request_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0709, NdkAdapterClose, ENDS,
     "When CloseNDKAdapterHandler returns every close has been completed and every callback has returned.", "-",
     "an_adapter_close_that_does_not_wait_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0710, NdkDisconnected, ENDS, "A provider of NDK calls the DisconnectEvent of a connector once.", "-",
     "a_disconnect_that_is_told_twice_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0711, NdkCreated, ENDS,
     "A provider of NDK that makes an object says its type and the version of its adapter in the header, and clears NdkReserved.", "-",
     "an_NDK_object_that_is_not_well_made_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0712, NdkIrql, ENDS,
     "Functions and callbacks of NDK are called at DISPATCH_LEVEL or below, NdkQueryAdapterInfo at PASSIVE_LEVEL.", "-",
     "an_NDK_function_at_a_level_too_high_is_reported", "an_NDK_consumer_and_a_provider_that_keep_the_rules_are_not_reported")
RULE(0713, NdkCloseTimed, ENDS,
     "A consumer of NDK closes what it has open of an adapter, and CloseNDKAdapterHandler returns, within 30 seconds of the removal.", "-",
     "an_NDK_adapter_that_is_kept_after_its_removal_is_reported", "an_NDK_consumer_that_takes_its_time_is_not_reported")
RULE(0714, NdkMemory, ENDS,
     "A consumer of NDK names memory that is registered: its buffers lie inside a region of their token, of the queue pair's protection "
     "domain.",
     "-", "an_NDK_request_on_memory_that_is_not_registered_is_reported", "an_NDK_request_on_registered_memory_is_not_reported")
RULE(0715, NdkRequest, ENDS,
     "A request of NDK has the flags that its page has, the buffers and inline bytes that its queue was made for, and ends what was "
     "deferred.",
     "-", "an_NDK_request_with_flags_or_sizes_that_do_not_go_is_reported", "an_NDK_request_with_the_flags_of_its_page_is_not_reported")
RULE(0716, NdkConnectionData, ENDS,
     "A consumer of NDK asks for connection data into a buffer or with no length, and before it accepts or completes the connection.", "-",
     "an_NDK_consumer_that_asks_for_data_in_a_wrong_way_is_reported", "an_NDK_consumer_that_asks_for_data_in_time_is_not_reported")
RULE(0717, NdkOut, ENDS,
     "A provider of NDK that makes an object later leaves the parameter of the create alone.", "-",
     "an_NDK_object_that_comes_twice_is_reported", "an_NDK_object_that_is_made_later_is_not_reported")
RULE(0718, NdkKeyword, ENDS, "A miniport whose *NetworkDirect is 0 does not enable NDK.", "-",
     "an_NDK_provider_that_is_on_against_its_keyword_is_reported", "an_NDK_provider_that_follows_its_keyword_is_not_reported")
RULE(0719, NdkDue, ENDS,
     "A provider of NDK notifies of a new result in a completion queue that is armed for any, within 30 seconds.", "-",
     "a_notification_that_is_due_and_never_comes_is_reported", "a_notification_that_comes_or_is_not_due_is_not_reported")
RULE(0720, NdkDepth, ENDS,
     "A consumer of NDK has no more requests outstanding on a queue than it asked to have room for when it made the queue pair.", "-",
     "more_NDK_requests_than_a_queue_is_deep_are_reported", "as_many_NDK_requests_as_a_queue_is_deep_are_not_reported")
