namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>An ONNX graph that is being built: in a file of our own, or in the one that ML.NET's converter writes.</summary>
internal interface IOnnxGraph
{
    /// <summary>The operator set that nodes can count on: the graph's own is this one or a later one.</summary>
    int OperatorSet { get; }

    /// <summary>Adds a constant.</summary>
    /// <param name="name">Its name; a name that is taken is changed.</param>
    /// <param name="values">float, double, int, long or string values.</param>
    /// <param name="shape">The tensor's shape; none for a scalar.</param>
    /// <returns>The name under which nodes use it.</returns>
    string Constant(string name, Array values, params long[] shape);

    /// <summary>Adds a node with one output.</summary>
    /// <param name="operation">The operator, of ONNX's own domain.</param>
    /// <param name="inputs">The names of its inputs.</param>
    /// <param name="name">The name of its output; a name that is taken is changed.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <returns>The name under which other nodes use the output.</returns>
    string Node(string operation, string[] inputs, string name, params (string Name, long Value)[] attributes);

    /// <summary>Adds a node whose output is one of the graph's.</summary>
    /// <param name="operation">The operator, of ONNX's own domain.</param>
    /// <param name="inputs">The names of its inputs.</param>
    /// <param name="output">The name of the graph's output.</param>
    /// <param name="attributes">Its attributes.</param>
    void Output(string operation, string[] inputs, string output, params (string Name, long Value)[] attributes);
}
