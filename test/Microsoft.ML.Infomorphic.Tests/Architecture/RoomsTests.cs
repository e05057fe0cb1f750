using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Architecture;

/// <summary>The library's rooms are its namespaces; what one may know of the others points down only.</summary>
[TestClass]
public class RoomsTests
{
    private const string Root = "Microsoft.ML.Infomorphic";
    private const string HostNamespace = "Microsoft.ML";
    private const string TorchNamespace = Root + ".Training.Torch";

    private static readonly Dictionary<string, string[]> s_mayKnow = new()
    {
        ["Information"] = [],
        ["Kernels"] = ["Information"],
        ["Networks"] = ["Kernels", "Information"],
        ["Rows"] = ["Networks", "Kernels", "Information"],
        ["Scoring"] = ["Networks", "Kernels", "Information"],
        ["Training"] = ["Scoring", "Rows", "Networks", "Kernels", "Information"],
        ["Insight"] = ["Scoring", "Rows", "Networks", "Kernels", "Information"],
        ["Hosting"] = ["Insight", "Training", "Scoring", "Rows", "Networks", "Kernels", "Information"],
        [""] = ["Hosting", "Insight", "Training", "Scoring", "Rows", "Networks", "Kernels", "Information"],
    };

    // Beside these, the room of the tensor engine alone.
    private static readonly string[] s_knowTorchSharp =
    [
        "Kernels.HeldScalar",
        "Kernels.TensorActivation",
        "Kernels.TensorGoal",
        "Kernels.TensorPhilox",
    ];

    private static readonly Dictionary<Type, HashSet<Type>> s_uses = typeof(InfomorphicNetwork)
        .Assembly.GetTypes()
        .Where(t => t.DeclaringType is null && IsOurs(t))
        .ToDictionary(t => t, TypeUses.Of);

    [TestMethod]
    public void Every_type_is_in_a_known_room()
    {
        AssertNone(s_uses.Keys.Where(t => !s_mayKnow.ContainsKey(Room(t))).Select(t => $"{t} is in no known room."));
    }

    [TestMethod]
    public void Rooms_know_only_the_rooms_below()
    {
        AssertNone(
            from pair in s_uses
            let room = Room(pair.Key)
            where s_mayKnow.ContainsKey(room)
            from use in pair.Value
            where IsOurs(use) && Room(use) != room && !s_mayKnow[room].Contains(Room(use))
            select $"{pair.Key} mentions {use}."
        );
    }

    [TestMethod]
    public void Only_the_host_surface_knows_the_host()
    {
        AssertNone(
            from pair in s_uses
            where Room(pair.Key) is not ("" or "Hosting")
            from use in pair.Value
            let assembly = use.Assembly.GetName().Name!
            where use.Assembly != pair.Key.Assembly && assembly.StartsWith("Microsoft.ML", StringComparison.Ordinal)
            select $"{pair.Key} mentions {use} of {assembly}."
        );
    }

    [TestMethod]
    public void Only_the_listed_types_know_TorchSharp()
    {
        AssertNone(
            from pair in s_uses
            where
                pair.Key.Namespace != TorchNamespace && !s_knowTorchSharp.Contains($"{Room(pair.Key)}.{pair.Key.Name}")
            from use in pair.Value
            where use.Assembly == typeof(torch).Assembly
            select $"{pair.Key} mentions {use}."
        );
    }

    // A type that is gone, or knows TorchSharp no more, would let another one of its name know it unseen.
    [TestMethod]
    public void The_listed_types_and_rooms_are_there_and_the_types_know_TorchSharp()
    {
        HashSet<string> know =
        [
            .. s_uses
                .Where(pair => pair.Value.Any(use => use.Assembly == typeof(torch).Assembly))
                .Select(pair => $"{Room(pair.Key)}.{pair.Key.Name}"),
        ];
        AssertNone([
            .. s_knowTorchSharp.Where(type => !know.Contains(type)).Select(type => $"{type} does not know TorchSharp."),
            .. s_mayKnow.Keys.Except(s_uses.Keys.Select(Room)).Select(room => $"There is no room {room}."),
        ]);
    }

    [TestMethod]
    public void What_a_lambda_in_a_generic_method_mentions_is_found()
    {
        HashSet<Type> uses = TypeUses.Of(typeof(Example));

        Assert.Contains(typeof(torch), uses);
        Assert.Contains(typeof(InfomorphicNetwork), uses);
        Assert.DoesNotContain(typeof(InfomorphicLayer), uses);
    }

    // A second forward pass would be one that nobody leads through the visits. A layer that is prepared for scoring keeps its
    // activation ready, and fires when a presenter says so.
    [TestMethod]
    public void Whoever_lets_neurons_fire_is_led_by_the_schedule()
    {
        Type[] activations =
        [
            typeof(VectorizedActivation),
            typeof(TensorActivation),
            typeof(MeanFieldActivation),
            typeof(ScalarActivation),
        ];
        AssertNone(
            from pair in s_uses
            where Room(pair.Key) != "Kernels" && pair.Key != typeof(ScoringLayer)
            where activations.Any(pair.Value.Contains) && !pair.Value.Contains(typeof(Visit))
            select $"{pair.Key} lets neurons fire and knows of no visit."
        );
    }

    [TestMethod]
    public void Every_backend_has_one_presenter()
    {
        string[] presenters =
        [
            .. typeof(IPresenter)
                .Assembly.GetTypes()
                .Where(type => type != typeof(IPresenter) && typeof(IPresenter).IsAssignableFrom(type))
                .Select(type => type.Namespace![(Root.Length + 1)..])
                .Order(StringComparer.Ordinal),
        ];
        CollectionAssert.AreEqual(
            (string[])["Hosting", "Insight", "Scoring", "Training.Cpu", "Training.Torch"],
            presenters
        );
    }

    [TestMethod]
    public void Only_options_name_a_hidden_layer_by_its_kind()
    {
        Type[] kinds = [typeof(HiddenLayerKind), typeof(ContextSignal)];
        Type[] options = [typeof(InfomorphicTrainer), typeof(HiddenLayerOptions)];
        AssertNone(
            from pair in s_uses
            where !kinds.Contains(pair.Key) && !options.Contains(pair.Key) && kinds.Any(pair.Value.Contains)
            select $"{pair.Key} mentions the kind of a hidden layer."
        );
    }

    // Not what the compiler adds. The catalog's extensions may be where users look for them, in the host's namespace.
    private static bool IsOurs(Type type) =>
        type.Assembly == typeof(InfomorphicNetwork).Assembly
        && type.Namespace is string name
        && (name == HostNamespace || name == Root || name.StartsWith(Root + ".", StringComparison.Ordinal));

    private static string Room(Type type) =>
        type.Namespace is HostNamespace or Root ? "" : type.Namespace![(Root.Length + 1)..].Split('.')[0];

    private static void AssertNone(IEnumerable<string> violations)
    {
        string[] found = [.. violations.Distinct().Order(StringComparer.Ordinal)];
        Assert.IsEmpty(found, string.Join(Environment.NewLine, found));
    }

    private static class Example
    {
        public static Func<T, int> Of<T>()
            where T : class => x => ((object)x as InfomorphicNetwork)?.GetHashCode() ?? (int)torch.ones(1).numel();
    }
}
