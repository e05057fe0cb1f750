namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The nodes of an ONNX graph. What was added once under a name is there for all who ask for it again.</summary>
/// <param name="graph">The graph.</param>
/// <param name="prefix">How the names of all nodes begin.</param>
internal sealed class OnnxNodes(IOnnxGraph graph, string prefix = "")
{
    // TensorProto.DataType
    public const long Single = 1;
    public const long Double = 11;

    private readonly Dictionary<string, string> _known = [];

    /// <summary>The operator set that nodes can count on.</summary>
    public int OperatorSet => graph.OperatorSet;

    /// <summary>Adds a constant, once.</summary>
    public string Constant(string name, Array values, params long[] shape) =>
        Once(name, () => graph.Constant(Named(name), values, shape));

    /// <summary>Adds a number, once.</summary>
    public string Number(string name, double value) => Constant(name, new[] { (float)value }, 1);

    /// <summary>Adds a node.</summary>
    public string Node(string operation, string[] inputs, string name, params (string Name, long Value)[] attributes) =>
        graph.Node(operation, inputs, Named(name), attributes);

    /// <summary>Adds a node that turns values into those of another type, once.</summary>
    public string Cast(string values, string name, long type) =>
        Once(name, () => graph.Node("Cast", [values], Named(name), ("to", type)));

    /// <summary>Adds a node that gives values another shape; −1 stands for the rows.</summary>
    public string Reshape(string values, string name, params long[] shape) =>
        graph.Node("Reshape", [values, Constant($"shape {string.Join('×', shape)}", shape, shape.Length)], name);

    /// <summary>Adds something, once.</summary>
    /// <param name="name">What it is known by.</param>
    /// <param name="add">Adds it, and returns the name under which nodes use it.</param>
    /// <returns>That name.</returns>
    public string Once(string name, Func<string> add)
    {
        if (!_known.TryGetValue(name, out string? known))
            _known.Add(name, known = add());
        return known;
    }

    // Names that are made of names begin as those do.
    private string Named(string name) => name.StartsWith(prefix, StringComparison.Ordinal) ? name : prefix + name;
}
