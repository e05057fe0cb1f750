// libtorch tells of each operation that it begins and ends (ATen/record_function.h; PyTorch's profiler listens to the same).
// TorchSharp does not show it, so its functions are called as C++ compiles them:
//
//   struct RecordFunctionCallback { start, end: functions; double probability; bool scopes[10], inputs, outputs, ids; }
//   unique_ptr<ObserverContext> start(const RecordFunction&)           a unique pointer is returned in memory of the caller's
//   void end(const RecordFunction&, ObserverContext*)
//   uint64_t at::addThreadLocalCallback(RecordFunctionCallback);  void at::removeCallback(uint64_t);
//   const char* at::RecordFunction::name() const;

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>
/// Counts the operations that libtorch carries out on the calling thread, each of which a GPU is asked for by a launch of its
/// own. What consists of others is not counted, and neither are views and allocations, for which a device has nothing to do.
/// </summary>
/// <remarks>For x86-64 Linux. Only one counter counts at a time.</remarks>
internal sealed unsafe class OperationCounter : IDisposable
{
    private static readonly HashSet<string> s_free = new(StringComparer.Ordinal)
    {
        "aten::alias",
        "aten::as_strided",
        "aten::detach",
        "aten::diagonal",
        "aten::empty",
        "aten::empty_like",
        "aten::empty_strided",
        "aten::expand",
        "aten::expand_as",
        "aten::flatten",
        "aten::is_pinned",
        "aten::item",
        "aten::lift_fresh",
        "aten::narrow",
        "aten::permute",
        "aten::_reshape_alias",
        "aten::reshape",
        "aten::resize_",
        "aten::resolve_conj",
        "aten::resolve_neg",
        "aten::result_type",
        "aten::select",
        "aten::set_",
        "aten::slice",
        "aten::split",
        "aten::split_with_sizes",
        "aten::squeeze",
        "aten::t",
        "aten::to",
        "aten::transpose",
        "aten::unbind",
        "aten::unflatten",
        "aten::unsqueeze",
        "aten::_unsafe_view",
        "aten::view",
        "aten::view_as",
    };

    [ThreadStatic]
    private static OperationCounter? t_current;

    private readonly nint _library;
    private readonly delegate* unmanaged<nint, byte*> _nameOf;
    private readonly ulong _handle;
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    // Of the operations that have begun and not ended, whether they consist of others.
    private readonly Stack<bool> _begun = new();

    /// <summary>Begins to count.</summary>
    /// <exception cref="PlatformNotSupportedException">This is no x86-64 Linux.</exception>
    /// <exception cref="InvalidOperationException">A counter counts on this thread already.</exception>
    public OperationCounter()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new PlatformNotSupportedException("Operations are counted on x86-64 Linux alone.");
        if (t_current is not null)
            throw new InvalidOperationException("Operations are counted already.");
        _library = NativeLibrary.Load("libtorch_cpu.so");
        _nameOf = (delegate* unmanaged<nint, byte*>)Export("_ZNK2at14RecordFunction4nameEv");
        var add = (delegate* unmanaged<Callback, ulong>)Export(
            "_ZN2at22addThreadLocalCallbackENS_22RecordFunctionCallbackE"
        );
        var callback = new Callback
        {
            Start = &Start,
            End = &End,
            Probability = 1,
            Needs = default,
        };
        callback.Scopes[0] = true;
        t_current = this;
        _handle = add(callback);
    }

    /// <summary>The number of each operation so far.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>The number of all.</summary>
    public int Total => _counts.Values.Sum();

    /// <summary>Ends counting.</summary>
    public void Dispose()
    {
        ((delegate* unmanaged<ulong, void>)Export("_ZN2at14removeCallbackEm"))(_handle);
        t_current = null;
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    [UnmanagedCallersOnly]
    private static nint* Start(nint* context, nint operation)
    {
        *context = 0;
        OperationCounter counter = t_current!;
        bool isFree = s_free.Contains(counter.NameOf(operation));
        if (!isFree && counter._begun.TryPop(out _))
            counter._begun.Push(true);
        counter._begun.Push(false);
        return context;
    }

    [UnmanagedCallersOnly]
    private static void End(nint operation, nint context)
    {
        OperationCounter counter = t_current!;

        // Those that began before the counter end without it.
        if (!counter._begun.TryPop(out bool hasParts))
            return;
        string name = counter.NameOf(operation);
        if (hasParts)
        {
            // What is free itself is not where it has parts, as a reshape that copies: so is what contains it.
            if (counter._begun.TryPop(out _))
                counter._begun.Push(true);
        }
        else if (!s_free.Contains(name))
        {
            CollectionsMarshal.GetValueRefOrAddDefault(counter._counts, name, out _)++;
        }
    }

    private string NameOf(nint operation) => Marshal.PtrToStringUTF8((nint)_nameOf(operation)) ?? "";

    [InlineArray(10)]
    private struct TenFlags
    {
        private bool _first;
    }

    [InlineArray(3)]
    private struct ThreeFlags
    {
        private bool _first;
    }

    private struct Callback
    {
        public delegate* unmanaged<nint*, nint, nint*> Start;
        public delegate* unmanaged<nint, nint, void> End;
        public double Probability;
        public TenFlags Scopes;
        public ThreeFlags Needs;
    }
}
